"""When nobody waits for an answer any more, the node is told so, by the end of its connection."""

import asyncio

import pytest

from tests.scenarios.harness import RawNode, Wire, eventually, ok, proxied, read_request

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PARTS = {
    "before the answer": b"",
    "in its head": b"HTTP/1.1 200 OK\r\n",
    "after its head": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    "in its body": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "in a body to the end": b"HTTP/1.1 200 OK\r\n\r\nhalf",
}


def leave(wire: Wire, how: str) -> None:
    wire.reset() if how == "reset" else wire.writer.close()


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("part", PARTS)
async def test_while_the_node_works(part: str, how: str) -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(PARTS[part])
        assert await reader.read() == b""

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        for request_bytes in (GET, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"):
            wire = await proxy.connect()
            wire.write(request_bytes)
            if PARTS[part].endswith(b"half") or PARTS[part].endswith(b"\r\n\r\n"):
                await wire.read_until(b"\r\n\r\n")
            await eventually(lambda: raw.open == 1)
            leave(wire, how)
            await eventually(lambda: raw.open == 0)
            await eventually(proxy.at_rest)
            assert proxy.records[-1].fault == "client_gone"
        assert proxy.engine.services["app"].watcher.suspicious == [0]


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_in_the_middle_of_an_upload(how: str) -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        await eventually(lambda: raw.open == 1)
        leave(wire, how)
        await eventually(lambda: raw.open == 0)
        await eventually(proxy.at_rest)


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_at_every_byte_of_its_request(how: str) -> None:
    """A half request reaches a node at most as one that is cut short, and leaves nothing behind."""
    whole = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nA: b\r\n\r\n"
    served = 0

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await read_request(reader)
        served += 1
        writer.write(ok())

    async with proxied(RawNode(node)) as proxy:
        for end in range(len(whole)):
            wire = await proxy.connect()
            wire.write(whole[:end])
            if end % 3:
                await asyncio.sleep(0)
            leave(wire, how)
        await eventually(lambda: len(proxy.engine.clients) == 0)
        assert served == 0


async def test_what_a_node_says_before_it_notices_is_not_kept() -> None:
    """The next request gets a connection of its own, not the rest of the answer before."""
    answered = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            if b"/slow" in head:
                await answered.wait()
            writer.write(ok(head.split()[1]))

    async with proxied(RawNode(node)) as proxy:
        for _ in range(5):
            wire = await proxy.connect()
            wire.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await eventually(lambda: proxy.engine.services["app"].inflight == [1])
            wire.reset()
            answered.set()
            other = await proxy.connect()
            assert (await other.exchange(b"GET /own HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == b"/own"
            answered.clear()
