"""Stores really go away and come back, say what they hold, and keep nothing of a comparison."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.compare.stores import FileStore, RedisStore
from sessions.stores.embedded import EmbeddedStore
from sessions.stores.redis.script import key_of
from sessions.stores.redis.store import RedisStore as Sessions
from sessions.stores.redis.url import parse_redis_url
from sessions.stores.store import Put, Status, Store, StoreError
from tests.sessions.stores.processes import RedisProcess

IDS = [f"{number:021d}A" for number in range(40)]
STATE = b"x" * 1000


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    server = RedisProcess(tmp_path_factory.mktemp("redis"), "--save", "")
    yield server
    server.stop()


def kept(redis: RedisProcess) -> set[bytes]:
    """All keys, but for that by which Limpet sees whether it can write; it is gone after ten seconds."""
    keys = redis.ask("KEYS", "*")
    assert isinstance(keys, list)
    return set(keys) - {b"limpet:{probe}"}


async def put(store: Store, version: int, *ids: str) -> set[Status]:
    outcomes = await store.run([Put(name, version, STATE, "a", 60.0) for name in ids])
    return {outcome.status for outcome in outcomes}


async def test_a_file_goes_with_its_directory_and_comes_back_with_what_it_held(tmp_path: Path) -> None:
    compared = FileStore(tmp_path)
    await compared.open()
    store = EmbeddedStore("it", Path(compared.settings["embedded"]), sweep_seconds=0.05)
    await store.open()
    assert await put(store, 2, *IDS) == {Status.TAKEN}
    each = await compared.bytes_per_session(IDS)
    assert each is not None
    assert 1000 < each < 3000
    await compared.take_away()
    async with asyncio.timeout(60):
        while store.up:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await put(store, 3, IDS[0]) == {Status.FAILED}
    await compared.bring_back()
    assert await put(store, 3, IDS[0]) == {Status.TAKEN}
    assert await compared.versions([*IDS[:3], "nobody's"]) == [3, 2, 2, 0]
    await store.close()


async def test_a_redis_is_cut_off_and_never_touched(redis: RedisProcess, tmp_path: Path) -> None:
    redis.ask("SET", "somebody's", "own")
    process = redis.process
    compared = RedisStore(redis.url, tmp_path)
    await compared.open()
    store = Sessions("it", parse_redis_url(compared.settings["redis"]), timeout_seconds=0.5)
    await store.open()
    try:
        assert await put(store, 2, *IDS) == {Status.TAKEN}
        each = await compared.bytes_per_session(IDS)
        assert each is not None
        assert 1000 < each < 3000
        await compared.take_away()
        assert await put(store, 3, IDS[0]) == {Status.FAILED}
        assert not store.up
        await compared.bring_back()
        async with asyncio.timeout(60):
            while await put(store, 3, IDS[0]) != {Status.TAKEN}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await compared.versions([*IDS[:3], "nobody's"]) == [3, 2, 2, 0]
    finally:
        await store.close()
        await compared.close(IDS)
    assert kept(redis) == {b"somebody's"}
    assert redis.ask("EXISTS", key_of(IDS[0])) == 0
    assert redis.process is process
    assert redis.ask("GET", "somebody's") == b"own"


async def test_a_redis_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1: cannot connect"):
        await RedisStore("redis://127.0.0.1:1/0", tmp_path).open()
