"""What a node sends unasked is nobody's answer, and a connection that it has closed costs nobody theirs."""

import asyncio

import pytest

from tests.scenarios.harness import RawNode, RunningProxy, eventually, ok, proxied, read_request

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
FORGED = ok(b"forged")


def idle(proxy: RunningProxy) -> int:
    return len(proxy.engine.services["app"].nodes[0].pool.idle)


@pytest.mark.parametrize("unasked", [FORGED, b"x", b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n"])
async def test_bytes_on_an_idle_connection_close_it(unasked: bytes) -> None:
    speak = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(ok())
            await speak.wait()
            writer.write(unasked)
            speak.clear()

    raw = RawNode(node)
    async with proxied(raw, pool={"keep_alive": "1h"}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET)
        assert idle(proxy) == 1
        speak.set()
        await eventually(lambda: idle(proxy) == 0)
        speak.set()
        assert (await wire.exchange(GET))[1] == b"ok"
        assert raw.connections == 2


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
async def test_a_second_answer_is_nobodys(method: bytes) -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ok(b"" if method == b"HEAD" else b"ok") + FORGED)
        await read_request(reader)
        writer.write(ok(b"of this connection"))

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            head, body = await wire.exchange(method + b" / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert (head[:12], body) == (b"HTTP/1.1 200", b"" if method == b"HEAD" else b"ok")
        assert raw.connections == 3


async def test_the_body_of_an_answer_to_head_is_nobodys_answer() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            writer.write(ok(FORGED) if head.startswith(b"HEAD") else ok())

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            wire.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
            head, _ = await wire.read_response(head_only=True)
            assert b"Content-Length: %d\r\n" % len(FORGED) in head
            assert (await wire.read_response())[1] == b"ok"


async def closes_after_its_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Without a word of it: the node's keep-alive is over as soon as it has answered."""
    await read_request(reader)
    writer.write(ok())
    await writer.drain()


@pytest.mark.parametrize("request_bytes", [GET, POST])
async def test_a_connection_that_the_node_has_closed_is_replaced(request_bytes: bytes) -> None:
    raw = RawNode(closes_after_its_answer)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        for _ in range(10):
            head, body = await wire.exchange(request_bytes)
            assert (head[:12], body) == (b"HTTP/1.1 200", b"ok")
        assert raw.connections == 10
        assert proxy.engine.services["app"].counters.retries == 0


async def test_a_request_that_meets_a_dying_connection_is_sent_again_where_that_is_safe() -> None:
    seen: list[bytes] = []

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        seen.append(head[:4])
        writer.write(ok())
        head, _ = await read_request(reader)  # it closes with the request half in its hands
        seen.append(head[:4])

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET)
        assert (await wire.exchange(GET))[1] == b"ok"
        assert seen == [b"GET "] * 3
        seen.clear()
        head, _ = await wire.exchange(POST)
        assert (head[:12], seen) == (b"HTTP/1.1 502", [b"POST"])  # it may have been acted on


async def test_a_request_whose_answer_has_begun_is_not_sent_again() -> None:
    seen: list[bytes] = []

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader))[0])
        writer.write(ok())
        seen.append((await read_request(reader))[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET)
        head, _ = await wire.exchange(GET)
        assert (head[:12], len(seen)) == (b"HTTP/1.1 502", 2)
