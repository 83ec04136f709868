"""A Redis that a test may kill, and ways to wait for what the store notices by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sessions.stores.redis.store import RedisStore
from sessions.stores.redis.url import parse_redis_url
from tests.sessions.stores.processes import RedisProcess


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server that the test may treat as it likes."""
    server = RedisProcess(tmp_path / "redis", "--save", "", "--appendonly", "no")
    yield server
    server.stop()


@asynccontextmanager
async def opened(url: str, timeout_seconds: float = 5.0, wait_replicas: int = 0) -> AsyncIterator[RedisStore]:
    """A store, open until the block ends."""
    store = RedisStore(
        "main", parse_redis_url(url), timeout_seconds=timeout_seconds, wait_replicas=wait_replicas
    )
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)
