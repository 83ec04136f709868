"""Server-Sent Events and other answers in parts: each part is passed on when it comes, while it flows."""

import asyncio

import pytest

from tests.scenarios.harness import RawNode, eventually, proxied, read_request

HEADS = {
    "chunked": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    "close": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
}


@pytest.mark.parametrize("framing", HEADS)
async def test_each_event_comes_alone(framing: str) -> None:
    next_one = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEADS[framing])
        for i in range(5):
            await next_one.wait()
            next_one.clear()
            event = b"data: %d\n\n" % i
            writer.write(b"%x\r\n%b\r\n" % (len(event), event) if framing == "chunked" else event)
        writer.write(b"0\r\n\r\n" if framing == "chunked" else b"")

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        wire.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await wire.read_until(b"\r\n\r\n")  # the head too
        for i in range(5):
            next_one.set()
            assert await wire.read_until(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % i
        assert await wire.read_until(b"\r\n\r\n") == b"0\r\n\r\n"


async def test_a_stream_lives_as_long_as_it_flows_and_ends_when_it_stalls() -> None:
    node_gone = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEADS["chunked"])
        for _ in range(10):
            await asyncio.sleep(0.1)  # the pace of the events: they come within the limit, and last beyond it
            writer.write(b"1\r\nx\r\n")
        await reader.read()
        node_gone.set()

    async with proxied(RawNode(node), timeouts={"idle": "700ms", "response": "700ms"}) as proxy:
        wire = await proxy.connect()
        wire.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await wire.read_all()
        assert answer.count(b"1\r\nx\r\n") == 10
        assert not answer.endswith(b"0\r\n\r\n")
        assert proxy.records[-1].fault == "body_timeout"
        await asyncio.wait_for(node_gone.wait(), 60)


async def test_a_client_that_leaves_ends_the_stream_at_its_node() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEADS["chunked"] + b"1\r\nx\r\n")
        await reader.read()

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        for leave in (lambda wire: wire.reset(), lambda wire: wire.writer.close()):
            wire = await proxy.connect()
            wire.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await wire.read_until(b"1\r\nx\r\n")
            assert raw.open == 1
            leave(wire)
            await eventually(lambda: raw.open == 0)
