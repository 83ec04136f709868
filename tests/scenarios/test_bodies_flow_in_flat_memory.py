"""A body is passed on as it comes: memory stays flat, however long it is and however slow its reader."""

import asyncio

import pytest

from proxy.client import Client
from tests.scenarios.harness import RawNode, RunningProxy, eventually, ok, proxied, read_request

MEBIBYTE = 1024 * 1024
BLOCK = b"0123456789abcdef" * 16384  # 256 KiB
BLOCKS = 1200  # 300 MiB
FLAT = 2 * MEBIBYTE  # what Limpet may hold of it
LIMITS = {"limits": {"body": "1GiB"}}


class Gauge:
    """The most bytes that the proxy held in its write buffers, looked at while the bodies flow."""

    def __init__(self, proxy: RunningProxy) -> None:
        self.most = 0
        self._proxy = proxy

    def look(self) -> None:
        engine = self._proxy.engine
        upstreams = [up for node in engine.services["app"].nodes for up in node.pool.busy]
        for end in [*engine.clients, *upstreams]:
            transport: asyncio.Transport = end.transport  # type: ignore[attr-defined]
            self.most = max(self.most, transport.get_write_buffer_size())
            if isinstance(end, Client):
                self.most = max(self.most, len(end._held))


async def downloads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """By the path: with a length, in chunks, or to the end of the connection."""
    while True:
        head, _ = await read_request(reader)
        kind = head.split()[1]
        framing = {
            b"/length": b"Content-Length: %d" % (len(BLOCK) * BLOCKS),
            b"/chunked": b"Transfer-Encoding: chunked",
            b"/close": b"Connection: close",
        }[kind]
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
        block = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if kind == b"/chunked" else BLOCK
        for _ in range(BLOCKS):
            writer.write(block)
            await writer.drain()
        writer.write(b"0\r\n\r\n" if kind == b"/chunked" else b"")
        if kind == b"/close":
            return


@pytest.mark.parametrize("kind", [b"/length", b"/chunked", b"/close"])
async def test_a_long_download(kind: bytes) -> None:
    async with proxied(RawNode(downloads)) as proxy:
        gauge = Gauge(proxy)
        wire = await proxy.connect()
        wire.write(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % kind)
        head = await wire.read_until(b"\r\n\r\n")
        size = 0
        while data := await wire.reader.read(MEBIBYTE):
            size += len(data)
            gauge.look()
        overhead = size - len(BLOCK) * BLOCKS
        assert overhead == 0 if kind == b"/length" else 0 < overhead < MEBIBYTE, head
        assert proxy.records[-1].fault == ""
        assert gauge.most < FLAT


class Sink(RawNode):
    """Takes bodies as fast as it can and says how much they were; or waits before it reads."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.read = asyncio.Event()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await self.read.wait()
        size = 0
        tail = b""
        while size < len(BLOCK) * BLOCKS and not tail.endswith(b"\r\n0\r\n\r\n"):
            data = await reader.read(MEBIBYTE)
            size += len(data)
            tail = (tail + data)[-7:]
        writer.write(ok(b"%d" % size))


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_long_upload(chunked: bool) -> None:
    sink = Sink()
    sink.read.set()
    async with proxied(sink, LIMITS) as proxy:
        gauge = Gauge(proxy)
        wire = await proxy.connect()
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (len(BLOCK) * BLOCKS)
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % framing)
        block = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK
        for _ in range(BLOCKS):
            await wire.send(block)
            gauge.look()
        wire.write(b"0\r\n\r\n" if chunked else b"")
        _, body = await wire.read_response()
        assert int(body) >= len(BLOCK) * BLOCKS
        assert gauge.most < FLAT


async def test_a_client_that_does_not_read_stops_the_node() -> None:
    async with proxied(RawNode(downloads)) as proxy:
        gauge = Gauge(proxy)
        wire = await proxy.connect()
        wire.reader._limit = 1024  # type: ignore[attr-defined]  # so that our side of the test holds little too
        wire.write(b"GET /length HTTP/1.1\r\nHost: x\r\n\r\n")
        await wire.read_until(b"\r\n\r\n")
        await standstill(lambda: proxy.engine.services["app"].counters.bytes_out)
        gauge.look()
        assert gauge.most < FLAT
        assert (
            proxy.engine.services["app"].counters.bytes_out < 32 * MEBIBYTE
        )  # the kernel's buffers hold some
        size = 0
        while size < len(BLOCK) * BLOCKS:
            size += len(await wire.reader.read(MEBIBYTE))
        assert size == len(BLOCK) * BLOCKS


async def test_a_node_that_does_not_read_stops_the_client() -> None:
    sink = Sink()
    async with proxied(sink, LIMITS) as proxy:
        gauge = Gauge(proxy)
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(BLOCK) * BLOCKS))
        sending = asyncio.create_task(pour(wire.writer))
        await standstill(lambda: proxy.engine.services["app"].counters.bytes_in)
        gauge.look()
        assert gauge.most < FLAT
        assert not sending.done()
        sink.read.set()
        assert (await wire.read_response())[1] == b"%d" % (len(BLOCK) * BLOCKS)
        await sending


async def pour(writer: asyncio.StreamWriter) -> None:
    for _ in range(BLOCKS):
        writer.write(BLOCK)
        await writer.drain()


async def standstill(count: "object") -> None:
    """Wait until a count has begun to rise and has not risen for a while."""
    assert callable(count)
    await eventually(lambda: count() > MEBIBYTE)
    before = -1
    while before != count():
        before = count()
        await asyncio.sleep(0.2)  # how long is a standstill
