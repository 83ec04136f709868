"""The stores that the conformance tests run against, and a Redis that all tests of a module share."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from sessions.stores.embedded import EmbeddedStore
from sessions.stores.redis.store import RedisStore
from sessions.stores.redis.url import parse_redis_url
from sessions.stores.store import Store
from tests.sessions.stores.memory import MemoryStore
from tests.sessions.stores.processes import RedisProcess

IDS = (f"{number:022d}" for number in itertools.count())


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A server that a test may not stop."""
    server = RedisProcess(tmp_path_factory.mktemp("redis"), "--save", "")
    yield server
    server.stop()


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Session ids that no other test has used."""
    return lambda: next(IDS)


@pytest.fixture(params=["memory", "embedded", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each kind of store in turn, open."""
    made: Store
    if request.param == "memory":
        made = MemoryStore(time.time)
    elif request.param == "embedded":
        made = EmbeddedStore("local", tmp_path / "sessions.db")
    else:
        server: RedisProcess = request.getfixturevalue("redis")
        made = RedisStore("main", parse_redis_url(server.url))
    await made.open()
    yield made
    await made.close()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that Limpet runs on: it differs from asyncio's own in what it takes and when it closes."""
    return {"uvloop": uvloop.new_event_loop}
