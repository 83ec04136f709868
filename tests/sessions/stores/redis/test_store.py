"""A Redis that dies, hangs, forgets, is full or refuses: what the caller gets, and what is said of it."""

import asyncio
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hiredis import ReplyError

from sessions.stores.redis.script import DIGEST
from sessions.stores.redis.store import RedisStore
from sessions.stores.store import End, Fence, Get, Outcome, Put, Status, Touch
from tests.examples.running import free_port
from tests.sessions.stores.processes import RedisProcess
from tests.sessions.stores.redis.conftest import opened, until

HIGHEST = 2**53 - 1
OPERATING = Path(__file__).parents[4] / "docs" / "operating.md"


def put(session_id: str, version: int, state: bytes = b"x") -> Put:
    return Put(session_id, version, state, "a", 60.0)


async def status(store: RedisStore, operation: Put | Get | Fence) -> Status:
    return (await store.run([operation]))[0].status


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "limpet.stores"]


async def test_one_hash_a_session_with_fields_that_a_person_can_read(redis: RedisProcess) -> None:
    async with opened(redis.url) as store:
        await store.run([put("readable", HIGHEST - 1), Fence("readable", HIGHEST, 60.0)])
    fields = redis.ask("HGETALL", "limpet:{readable}")
    assert isinstance(fields, list)
    held = dict(zip(fields[::2], fields[1::2], strict=True))
    assert abs(int(held.pop(b"time")) - time.time()) < 60
    assert held == {
        b"version": str(HIGHEST - 1).encode(),
        b"state": b"x",
        b"node": b"a",
        b"fence": str(HIGHEST).encode(),
    }
    left = redis.ask("PTTL", "limpet:{readable}")
    assert isinstance(left, int) and 50_000 < left <= 60_000


async def test_an_ended_session_leaves_its_mark_alone(redis: RedisProcess) -> None:
    async with opened(redis.url) as store:
        await store.run([put("over", 5), Fence("over", 2**32, 60.0), End("over", 60.0)])
    fields = redis.ask("HKEYS", "limpet:{over}")
    assert isinstance(fields, list) and sorted(fields) == [b"ended", b"time"]


async def test_a_server_without_the_script_gets_it_once(own: RedisProcess) -> None:
    async with opened(own.url) as store:
        batch = [put("one", 1), put("two", 1), Get("one")]
        assert own.ask("SCRIPT", "EXISTS", DIGEST) == [0]
        assert [outcome.status for outcome in await store.run(batch)] == [Status.TAKEN] * 3
        assert own.ask("SCRIPT", "EXISTS", DIGEST) == [1]
        own.ask("SCRIPT", "FLUSH")
        again = await store.run([Get("one"), put("one", 2), Get("one"), put("two", 2)])
        assert [outcome.version for outcome in again] == [1, 2, 2, 2]


async def test_a_connection_that_the_server_closed_is_made_anew(
    own: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(own.url) as store:
        assert await status(store, put("id", 1)) == Status.TAKEN
        own.ask("CLIENT", "KILL", "TYPE", "normal")
        assert await status(store, put("id", 2)) == Status.TAKEN
        assert store.up
    assert lines(caplog) == []
    assert store.connections == 2


async def test_a_killed_server_is_down_at_once_and_heals_by_itself_with_one_line_each(
    own: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with opened(own.url) as store:
        assert await status(store, put("id", 1)) == Status.TAKEN
        own.stop()
        outcomes = [await store.run([put("id", 2), Get("id")]) for _ in range(20)]
        assert {outcome.status for batch in outcomes for outcome in batch} == {Status.FAILED}
        assert not store.up
        own.start()
        await until(lambda: store.up)
        assert await store.run([Get("id")]) == [Outcome(Status.UNKNOWN)], "it came back empty"
        assert await status(store, put("id", 3)) == Status.TAKEN
    down, up = lines(caplog)
    assert f"store main: 127.0.0.1:{own.port} is down" in down and "every half second" in down
    assert "answers again" in up


async def test_what_was_appended_is_there_after_a_restart(own: RedisProcess) -> None:
    own.stop()
    own.settings = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
    own.start()
    async with opened(own.url) as store:
        assert await status(store, put("id", HIGHEST, b"kept")) == Status.TAKEN
        own.stop()
        assert await status(store, Get("id")) == Status.FAILED
        own.start()
        await until(lambda: store.up)
        assert await store.run([Get("id")]) == [Outcome(Status.TAKEN, HIGHEST, 0, "a", b"kept")]


async def test_a_store_that_is_down_at_the_start_is_no_error(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    port = free_port()
    async with opened(f"redis://127.0.0.1:{port}") as store:
        assert not store.up
        assert await status(store, Get("id")) == Status.FAILED
        assert "cannot connect" in (await store.run([Get("id")]))[0].why
        server = RedisProcess(tmp_path_factory.mktemp("late"), "--save", "", port=port)
        try:
            await until(lambda: store.up)
            assert await status(store, put("id", 1)) == Status.TAKEN
        finally:
            server.stop()
    assert len(lines(caplog)) == 2


async def hold(server: RedisProcess, how: str) -> Callable[[], object]:
    """Make the server silent; what ends that."""
    if how == "SIGSTOP":
        server.signal(signal.SIGSTOP)
        return lambda: server.signal(signal.SIGCONT)
    said = server.ask("CLIENT", "PAUSE", 1_500, *([] if how == "ALL" else [how]))
    if isinstance(said, ReplyError):
        pytest.skip(f"this server knows no such pause: {said}")  # Redis before 6.2
    return lambda: server.ask("CLIENT", "UNPAUSE")  # where that is unknown, it ends by itself


@pytest.mark.parametrize("how", ["SIGSTOP", "ALL", "WRITE"])
async def test_a_silent_server_holds_nobody_beyond_the_timeout(own: RedisProcess, how: str) -> None:
    async with opened(own.url, timeout_seconds=0.4) as store:
        await store.run([put("id", 1)])
        release = await hold(own, how)
        begun = time.monotonic()
        (outcome,) = await store.run([put("id", 2)])
        assert outcome.status == Status.FAILED and "no answer in time" in outcome.why
        assert time.monotonic() - begun > 0.3
        assert not store.up
        begun = time.monotonic()
        failed = {await status(store, put("id", 3)) for _ in range(20)}
        assert failed == {Status.FAILED}
        assert time.monotonic() - begun < 8, "nobody waits for a server that is known to be silent"
        release()
        async with asyncio.timeout(60):
            while await status(store, put("id", 4)) != Status.TAKEN:  # noqa: ASYNC110 - nothing says when
                await asyncio.sleep(0.01)  # an answer may be as late again
            while (await store.run([Get("id")]))[0].version != 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_who_is_cancelled_leaves_no_reply_to_somebody_else(own: RedisProcess) -> None:
    async with opened(own.url) as store:
        await store.run([put("mine", 1, b"mine"), put("yours", 1, b"yours")])
        own.signal(signal.SIGSTOP)
        reading = asyncio.create_task(store.run([Get("mine")]))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        own.signal(signal.SIGCONT)
        assert [outcome.state for outcome in await store.run([Get("yours")])] == [b"yours"]


async def test_out_of_memory_fails_the_write_and_not_the_store(
    own: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(own.url) as store:
        await store.run([put("id", 1, b"old")])
        own.ask("CONFIG", "SET", "maxmemory", "100kb")
        for version in (2, 3):
            (outcome,) = await store.run([put("id", version, b"new")])
            assert outcome.status == Status.FAILED and outcome.why.startswith("OOM")
        assert store.up
        assert (await store.run([Get("id")]))[0].state == b"old"
        own.ask("CONFIG", "SET", "maxmemory", "0")
        assert await status(store, put("id", 2, b"new")) == Status.TAKEN
    (line,) = lines(caplog)
    assert "a write failed" in line and "OOM" in line


async def test_a_store_that_is_out_of_memory_when_it_comes_back_is_up(own: RedisProcess) -> None:
    async with opened(own.url) as store:
        own.stop()
        assert await status(store, Get("id")) == Status.FAILED
        own.settings = (*own.settings, "--maxmemory", "100kb")
        own.start()
        await until(lambda: store.up)
        assert await status(store, put("id", 1)) == Status.FAILED
        assert await status(store, Get("id")) == Status.UNKNOWN


async def test_a_replica_is_no_place_for_writes(redis: RedisProcess, own: RedisProcess) -> None:
    async with opened(own.url) as store:
        own.ask("REPLICAOF", "127.0.0.1", redis.port)
        await until(lambda: b"master_link_status:up" in bytes(own.ask("INFO", "replication")))
        (outcome,) = await store.run([put("id", 1)])
        assert outcome.status == Status.FAILED
        await until(lambda: not store.up)
        own.ask("REPLICAOF", "NO", "ONE")
        await until(lambda: store.up)
        assert await status(store, put("id", 1)) == Status.TAKEN


async def test_a_write_waits_for_its_replicas_and_counts_them(
    own: RedisProcess, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    replica = RedisProcess(tmp_path_factory.mktemp("replica"), "--replicaof", "127.0.0.1", str(own.port))
    try:
        await until(lambda: b"state=online" in bytes(own.ask("INFO", "replication")))
        async with opened(own.url, timeout_seconds=2, wait_replicas=1) as store:
            assert [outcome.status for outcome in await store.run([put("id", 1), Get("id")])] == [
                Status.TAKEN
            ] * 2
            replica.signal(signal.SIGSTOP)
            outcomes = await store.run(
                [put("id", 2), Get("id"), put("id", 2, b"other"), put("id", 1), Fence("id", 2**32, 60.0)]
            )
            assert [outcome.status for outcome in outcomes] == [
                Status.FAILED,
                Status.TAKEN,
                Status.CONFLICT,
                Status.FAILED,  # superseded, by what could be lost
                Status.FAILED,
            ]
            assert outcomes[0].why == "only 0 of 1 replicas have it"
            assert store.up
            replica.signal(signal.SIGCONT)
            assert await status(store, put("id", 2)) == Status.TAKEN, (
                "settled before the fence, and now copied"
            )
    finally:
        replica.signal(signal.SIGCONT)
        replica.stop()
    assert len(lines(caplog)) == 1


async def test_a_hash_that_is_none_of_ours_fails_that_session_alone(redis: RedisProcess) -> None:
    redis.ask("SET", "limpet:{text}", "hello")
    redis.ask("HSET", "limpet:{odd}", "version", "many", "node", "a", "state", "")
    async with opened(redis.url) as store:
        outcomes = await store.run([put("text", 1), Get("text"), Get("odd"), put("odd", 1), put("fine", 1)])
        assert [outcome.status for outcome in outcomes] == [Status.FAILED] * 4 + [Status.TAKEN]
        assert store.up


async def test_a_password_is_needed_and_never_shown(
    own: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    own.ask("CONFIG", "SET", "requirepass", "opensesame")
    for credentials, known in (
        ("", False),
        (":wrong@", False),
        (":opensesame@", True),
        ("default:opensesame@", True),
    ):
        async with opened(f"redis://{credentials}127.0.0.1:{own.port}") as store:
            assert store.up == known
            outcome = (await store.run([put("id", 1)]))[0]
            assert outcome.status == (Status.TAKEN if known else Status.FAILED)
            assert known or outcome.why.startswith(("NOAUTH", "WRONGPASS"))
    assert not any("opensesame" in line for line in lines(caplog))


async def test_the_permissions_that_the_documentation_names_are_those_it_needs(own: RedisProcess) -> None:
    [granted] = re.findall(r"ACL SETUSER limpet on >PASSWORD (.+)", OPERATING.read_text())
    assert own.ask("ACL", "SETUSER", "limpet", "on", ">PASSWORD", *granted.split()) == b"OK"
    own.ask("CONFIG", "RESETSTAT")
    batch = [put("id", 1), Touch("id", 60.0), Fence("id", 2**32, 60.0), Get("id"), End("id", 60.0)]
    url = f"redis://limpet:PASSWORD@127.0.0.1:{own.port}"
    async with opened(url) as store:
        assert {outcome.status for outcome in await store.run(batch)} == {Status.TAKEN}
        assert not [sentence for sentence in await store.advice() if "could not be read" in sentence]
    async with opened(f"{url}/1", timeout_seconds=0.4, wait_replicas=1) as store:
        whys = {outcome.why for outcome in await store.run(batch)}
        assert whys == {"only 0 of 1 replicas have it", ""}  # reads need none
    used = set(re.findall(r"cmdstat_(\w+)[|:]", bytes(own.ask("INFO", "commandstats")).decode()))
    elsewhere = {"asking", "cluster", "role"}  # to find the server, in a Cluster and with Sentinels
    words = {word[1:].partition("|")[0] for word in granted.split() if word.startswith("+")}
    assert words - elsewhere == used - {"auth"}


async def test_a_unix_socket_and_a_database_by_number(
    own: RedisProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own.stop()
    socket = tmp_path_factory.mktemp("s") / "redis.sock"
    own.settings = (*own.settings, "--unixsocket", str(socket))
    own.start()
    async with opened(f"redis+unix://{socket}?db=3") as store, opened(own.url) as other:
        assert await status(store, put("id", 1)) == Status.TAKEN
        assert await status(other, Get("id")) == Status.UNKNOWN
