"""What is sent behind the users' requests, counted where it arrives: at real nodes, and at a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.processes import free_port
from bench.sessions.app import NODE_KEY
from bench.sessions.counts import answered, redis_commands
from bench.sessions.setups import STARLETTE, app_servers, redis
from tests.scenarios.harness import RunningProxy, Wire, cookie_of, node_settings, running_proxy

Node = tuple[int, int]  # the ports of the app and of the endpoint
WRITES = 15  # of each user
MANY_WRITES = 40  # so that the first few batches, and the last ones, which are small, count for little


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """Each with an endpoint of its own: a pair of ports."""
    folder, endpoints = tmp_path_factory.mktemp("nodes"), [free_port(), free_port()]
    wheres = [f"127.0.0.1:{port}" for port in endpoints]
    with app_servers(STARLETTE, "limpet", wheres, folder, ("n1", "n2")) as (ports, _):
        yield list(zip(ports, endpoints, strict=True))


@asynccontextmanager
async def keeping(nodes: list[Node], sessions: dict[str, Any], **more: Any) -> AsyncIterator[RunningProxy]:
    """A proxy before the nodes; its connections to their endpoints and its stores are closed at the end."""
    named = [
        node_settings(f"n{port}", port, sessions_url=f"http://127.0.0.1:{other}") for port, other in nodes
    ]
    services = {"app": {"nodes": named, "sessions": sessions}}
    async with running_proxy(services, node_keys=[NODE_KEY], **more) as running:
        try:
            yield running
        finally:
            await running.runtime.keeping.close()


@pytest.fixture
async def proxy(nodes: list[Node]) -> AsyncIterator[RunningProxy]:
    async with keeping(nodes, {"strategy": "replication", "replicas": 1, "ack": "sync"}) as running:
        yield running


def peer_requests(nodes: list[Node]) -> int:
    return sum(int(answered(port, b"GET /peer-requests HTTP/1.0\r\n\r\n")) for port, _ in nodes)


class User:
    """Asks one request after the other, and sees that none of its writes is lost."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._cookie = b""
        self._count = 0

    async def ask(self, method: bytes, path: bytes) -> None:
        cookie = b"Cookie: %b\r\n" % self._cookie if self._cookie else b""
        request = b"%b %b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n%b\r\n" % (method, path, cookie)
        head, body = await self._wire.exchange(request)
        self._count += method == b"POST"
        assert head.startswith(b"HTTP/1.1 200 ") and body[16:] == b"%d" % self._count, head + body
        if b"\r\nset-cookie:" in head.lower():
            self._cookie = cookie_of(head)

    async def write(self, times: int = WRITES) -> None:
        for _ in range(times):
            await self.ask(b"POST", b"/write")

    async def read(self, times: int) -> None:
        for _ in range(times):
            await self.ask(b"GET", b"/read")


async def test_one_writer_costs_one_peer_request_for_each_write_and_a_read_none(
    proxy: RunningProxy, nodes: list[Node]
) -> None:
    user = User(await proxy.connect())
    before = peer_requests(nodes)
    await user.write()
    assert peer_requests(nodes) - before == WRITES
    await user.read(5)
    assert peer_requests(nodes) - before == WRITES


async def test_64_writers_on_two_nodes_cost_one_peer_request_for_ten_writes(
    proxy: RunningProxy, nodes: list[Node]
) -> None:
    users = [User(await proxy.connect()) for _ in range(64)]
    await asyncio.gather(*(user.write(2) for user in users))  # the connections are made
    before = peer_requests(nodes)
    await asyncio.gather(*(user.write(MANY_WRITES) for user in users))
    assert 0 < peer_requests(nodes) - before <= 64 * MANY_WRITES / 10


async def test_a_write_to_a_store_is_one_command_and_a_read_none(nodes: list[Node], tmp_path: Path) -> None:
    with redis(tmp_path) as (port, _):
        stores = {"main": {"redis": f"redis://127.0.0.1:{port}/0"}}
        async with keeping(nodes, {"strategy": "store", "store": "main"}, stores=stores) as proxy:
            user = User(await proxy.connect())
            await user.write(2)  # the first of all brings the script along
            before, peers = redis_commands(port), peer_requests(nodes)
            await user.write()
            await user.read(5)
            assert redis_commands(port) - before == WRITES
            assert peer_requests(nodes) == peers
