"""Random sequences of operations have the same outcomes in every store."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.stores.embedded import EmbeddedStore
from sessions.stores.redis.store import RedisStore
from sessions.stores.redis.url import parse_redis_url
from sessions.stores.store import End, Fence, Get, Operation, Outcome, Put, Store, Touch
from tests.sessions.stores.memory import MemoryStore
from tests.sessions.stores.processes import RedisProcess

NUMBERS = itertools.count(10**6)
LINEAGE = 2**20
TTL = 600.0

sessions = st.sampled_from(["one", "two"])
numbers = st.builds(
    lambda base, more: max(1, min(base + more, 2**53 - 1)),
    st.sampled_from([0, LINEAGE, 2 * LINEAGE, 2**32, 2**32 + LINEAGE, 2**53 - 4]),
    st.integers(-2, 4),
)
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        Put,
        sessions,
        numbers,
        st.sampled_from([b"", b"s", b"t"]),
        st.sampled_from(["a", "b"]),
        st.just(TTL),
        st.just(-1) | numbers,
    ),
    st.builds(Put, sessions, numbers, st.just(b"s"), st.just("a"), st.just(TTL), st.just(-1)),
    st.builds(Fence, sessions, numbers, st.just(TTL)),
    st.builds(Touch, sessions, st.just(TTL)),
    st.builds(Get, sessions),
    st.integers(0, 9).flatmap(
        lambda n: st.builds(End, sessions, st.just(TTL)) if not n else st.builds(Get, sessions)
    ),
)
scripts = st.lists(st.lists(operations, min_size=1, max_size=5), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def trio(
    redis: RedisProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, list[Store]]]:
    stores: list[Store] = [
        MemoryStore(lambda: 0.0),
        EmbeddedStore("local", tmp_path_factory.mktemp("file") / "sessions.db", timeout_seconds=10),
        RedisStore("main", parse_redis_url(redis.url), timeout_seconds=10),
    ]
    with asyncio.Runner() as runner:
        for store in stores:
            runner.run(store.open())
        yield runner, stores
        for store in stores:
            runner.run(store.close())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts)
def test_all_stores_agree(trio: tuple[asyncio.Runner, list[Store]], script: list[list[Operation]]) -> None:
    runner, stores = trio
    example = f"{next(NUMBERS):019d}"

    async def outcomes(store: Store) -> list[list[Outcome]]:
        return [
            await store.run([operation._replace(id=example + operation.id) for operation in batch])
            for batch in script
        ]

    reference, embedded, redis = [runner.run(outcomes(store)) for store in stores]
    assert embedded == reference
    assert redis == reference
