"""Nodes and proxies that end with their test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import uvloop

from tests.sessions.keeping.cluster import NodeProcess, Proxy


@pytest.fixture(scope="module")
def standing() -> Iterator[list[NodeProcess]]:
    """Three nodes that no test may stop."""
    nodes = [NodeProcess() for _ in range(3)]
    yield nodes
    for node in nodes:
        node.kill()


@pytest.fixture
def nodes() -> Iterator[Callable[[int], list[NodeProcess]]]:
    """As many nodes as are asked for, to be frozen and killed."""
    started: list[NodeProcess] = []

    def start(number: int) -> list[NodeProcess]:
        fresh = [NodeProcess() for _ in range(number)]
        started.extend(fresh)
        return fresh

    yield start
    for node in started:
        if node.process.returncode is None:
            node.thaw()
            node.kill()


@pytest.fixture
async def proxy() -> AsyncIterator[Callable[..., Proxy]]:
    """Proxies in front of given nodes."""
    made: list[Proxy] = []

    def make(nodes: list[NodeProcess], **options: Any) -> Proxy:
        made.append(Proxy([node.port for node in nodes], **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that Limpet runs on."""
    return {"uvloop": uvloop.new_event_loop}
