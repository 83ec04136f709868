"""Requests share connections: the client's to Limpet, and Limpet's to the node."""

import asyncio
from pathlib import Path

import pytest

from tests.scenarios.harness import (
    Recorder,
    eventually,
    header,
    ok,
    proxied,
    read_request,
    running_proxy,
    service,
    started,
)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_one_connection_each_carries_many_requests() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(20):
            head, body = await wire.exchange(GET)
            assert (head[:12], body) == (b"HTTP/1.1 200", b"ok")
            assert not header(head, b"Connection")
        assert node.connections == 1
        other = await proxy.connect()
        await other.exchange(GET)
        assert (node.connections, len(node.requests)) == (1, 21)


async def test_a_client_that_asks_for_the_end_gets_it_and_the_node_is_kept() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        for _ in range(3):
            wire = await proxy.connect()
            head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert header(head, b"Connection") == [b"close"]
            assert await wire.closed()
        assert node.connections == 1


async def test_http_1_0_ends_with_its_answer_unless_asked_otherwise() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        assert (await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"\r\n\r\nok")
        wire = await proxy.connect()
        for _ in range(3):
            head, body = await wire.exchange(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (header(head, b"Connection"), body) == ([b"keep-alive"], b"ok")
        assert node.connections == 1
        assert all(head.startswith(b"GET / HTTP/1.1\r\n") for head in node.heads)


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"ok", b"Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_node_that_closes_is_met_anew(answer: bytes) -> None:
    node = Recorder(answer)
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            _, body = await wire.exchange(GET)
            assert body == b"ok"
        assert node.connections == 3


async def test_a_node_on_a_unix_socket_is_a_node_like_any_other(tmp_path: Path) -> None:
    node = Recorder()
    path = str(tmp_path / "app.sock")
    await node.start(path=path)
    async with running_proxy({"app": {"nodes": [{"name": "a", "url": f"unix:{path}"}]}}) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            _, body = await wire.exchange(GET)
            assert body == b"ok"
        assert header(node.heads[0], b"Host") == [b"x"]
        answer = await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"ok")
        assert header(node.heads[-1], b"Host") == [b"localhost"]
        assert node.connections == 1
    await node.stop()


async def test_a_client_that_says_nothing_more_is_let_go() -> None:
    node = Recorder()
    async with proxied(node, {"timeouts": {"keep_alive": "300ms"}}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET)
        assert await wire.closed()
        assert proxy.records[-1].status == 200  # nothing was answered to nothing


async def test_an_idle_connection_to_a_node_is_closed_before_the_node_would() -> None:
    node = Recorder()
    async with proxied(node, pool={"keep_alive": "300ms"}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET)
        assert node.open == 1
        await eventually(lambda: node.open == 0)
        await wire.exchange(GET)
        assert node.connections == 2


async def test_a_node_that_says_how_long_it_keeps_a_connection_is_believed() -> None:
    node = Recorder(ok(b"ok", b"Connection: keep-alive", b"Keep-Alive: max=5, timeout=1"))
    async with proxied(node, pool={"keep_alive": "1h"}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(GET)
        assert not header(head, b"Keep-Alive")
        await eventually(lambda: node.open == 0)


async def test_no_more_connections_wait_idle_than_configured() -> None:
    all_here = asyncio.Barrier(5)

    async def together(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await all_here.wait()
            writer.write(ok())

    node = Recorder()
    node._handler = together
    async with started(node), running_proxy({"app": service([node.port], pool={"idle": 2})}) as proxy:
        wires = [await proxy.connect() for _ in range(5)]
        await asyncio.gather(*(wire.exchange(GET) for wire in wires))
        await eventually(lambda: node.open == 2)
        assert len(proxy.engine.services["app"].nodes[0].pool.idle) == 2
