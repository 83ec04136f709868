"""A real Cluster of two: each session at its server, slots that move, a server that dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessions.stores.redis.cluster import SLOTS, Cluster, slot_of
from sessions.stores.redis.script import key_of
from sessions.stores.redis.url import Place
from sessions.stores.store import End, Fence, Get, Put, Status
from tests.sessions.stores.processes import RedisProcess
from tests.sessions.stores.redis.conftest import opened, until

HALF = SLOTS // 2
IDS = [f"{number:022d}" for number in range(200)]
ON_FIRST = next(id for id in IDS if slot_of(id) < HALF)
ON_SECOND = next(id for id in IDS if slot_of(id) >= HALF)


def put(session_id: str, version: int) -> Put:
    return Put(session_id, version, session_id.encode(), "a", 60.0)


class Pair:
    """Two primaries with half of the slots each."""

    def __init__(self, directory: Path) -> None:
        settings = ("--save", "", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        settings += ("--cluster-require-full-coverage", "no")
        self.servers = [RedisProcess(directory / name, *settings) for name in ("first", "second")]
        self.first, self.second = self.servers
        self.first.ask("CLUSTER", "ADDSLOTS", *range(HALF))
        self.second.ask("CLUSTER", "ADDSLOTS", *range(HALF, SLOTS))
        self.second.ask("CLUSTER", "SET-CONFIG-EPOCH", 2)
        self.first.ask("CLUSTER", "MEET", "127.0.0.1", self.second.port)
        self.names = [bytes(server.ask("CLUSTER", "MYID")).decode() for server in self.servers]

    @property
    def whole(self) -> bool:
        """Whether both know all slots."""
        return all(
            b"cluster_slots_ok:16384" in bytes(server.ask("CLUSTER", "INFO"))
            and b"cluster_state:ok" in bytes(server.ask("CLUSTER", "INFO"))
            for server in self.servers
        )

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.first.port}"

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    servers = Pair(tmp_path)
    yield servers
    servers.stop()


def test_the_slot_is_what_redis_says() -> None:
    assert slot_of("123456789") == 0x31C3 % SLOTS  # CRC16's well-known check value


async def test_each_session_is_at_its_server(pair: Pair) -> None:
    await until(lambda: pair.whole)
    async with opened(pair.url) as store:
        outcomes = await store.run([put(id, 1) for id in IDS])
        assert {outcome.status for outcome in outcomes} == {Status.TAKEN}
        assert [outcome.state.decode() for outcome in await store.run([Get(id) for id in IDS])] == IDS
        fences = await store.run([Fence(id, 2**32, 60.0) for id in IDS])
        assert [outcome.state.decode() for outcome in fences] == IDS
        ended = await store.run([End(ON_FIRST, 60.0), Get(ON_FIRST), Get(ON_SECOND)])
        assert [outcome.status for outcome in ended] == [Status.TAKEN, Status.ENDED, Status.TAKEN]
        assert store.up
    assert pair.first.ask("EXISTS", key_of(ON_FIRST)) == 1
    assert pair.second.ask("EXISTS", key_of(ON_SECOND)) == 1
    assert pair.first.ask("CLUSTER", "KEYSLOT", key_of(ON_FIRST)) == slot_of(ON_FIRST)
    assert len(await advice(pair)) >= 2


async def advice(pair: Pair) -> list[str]:
    async with opened(pair.url) as store:
        return await store.advice()


async def test_a_slot_on_the_move_and_a_slot_that_has_moved(pair: Pair) -> None:
    await until(lambda: pair.whole)
    slot, (first, second) = slot_of(ON_FIRST), pair.names
    async with opened(pair.url) as store:
        pair.second.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", first)
        pair.first.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", second)
        outcomes = await store.run([put(ON_FIRST, 1), put(ON_SECOND, 1), Get(ON_FIRST)])
        assert [outcome.version for outcome in outcomes] == [1, 1, 1], "ASK sends it to where it goes"
        for server in (pair.second, pair.first):
            server.ask("CLUSTER", "SETSLOT", slot, "NODE", second)
        outcomes = await store.run([put(ON_FIRST, 2), put(ON_SECOND, 2), Get(ON_FIRST)])
        assert [outcome.version for outcome in outcomes] == [2, 2, 2], "MOVED sends it to where it is"
        learnt = store._servers
        assert isinstance(learnt, Cluster)
        await until(lambda: learnt._map[slot] == Place("127.0.0.1", pair.second.port))
    assert pair.second.ask("EXISTS", key_of(ON_FIRST)) == 1


async def test_a_server_that_dies_takes_its_own_sessions_alone(pair: Pair) -> None:
    await until(lambda: pair.whole)
    async with opened(pair.url) as store:
        await store.run([put(ON_FIRST, 1), put(ON_SECOND, 1)])
        pair.first.stop()
        outcomes = await store.run([put(ON_FIRST, 2), put(ON_SECOND, 2)])
        assert [outcome.status for outcome in outcomes] == [Status.FAILED, Status.TAKEN]
        assert not store.up
        pair.first.start()
        await until(lambda: store.up)
        (outcome,) = await store.run([put(ON_FIRST, 3)])
        assert outcome.status == Status.TAKEN, "up is said of a server that takes writes"


async def test_a_cluster_that_is_not_there_yet(pair: Pair) -> None:
    pair.first.stop()
    async with opened(pair.url, timeout_seconds=1.0) as store:
        assert not store.up
        assert (await store.run([Get(ON_FIRST)]))[0].why == "no server of the cluster has its slot"
        pair.first.start()
        await until(lambda: store.up)
