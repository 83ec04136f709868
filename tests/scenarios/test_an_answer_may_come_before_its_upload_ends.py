"""A node need not read a whole upload before it answers: the client can read why, though it still sends."""

import asyncio

import pytest

from tests.scenarios.harness import RawNode, eventually, header, ok, proxied, read_request

UPLOAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
BLOCK = b"x" * 65536


async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As most app servers do: answer, and close without reading on."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much")
    await writer.drain()


@pytest.mark.parametrize("head", [UPLOAD, CHUNKED])
async def test_the_client_reads_the_answer_while_it_sends(head: bytes) -> None:
    async with proxied(RawNode(refuses)) as proxy:
        wire = await proxy.connect()
        wire.write(head)
        sending = asyncio.create_task(send_for_ever(wire.writer, head is CHUNKED))
        answer, body = await wire.read_response()
        assert (answer[:12], body) == (b"HTTP/1.1 413", b"too much")
        assert header(answer, b"Connection") == [b"close"]
        sending.cancel()


async def send_for_ever(writer: asyncio.StreamWriter, chunked: bool) -> None:
    block = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK
    for _ in range(100):
        writer.write(block)
        await writer.drain()


async def test_limpets_own_refusal_is_read_too() -> None:
    async with proxied(RawNode(refuses), {"limits": {"body": "1KiB"}}) as proxy:
        for head in (UPLOAD, CHUNKED):
            wire = await proxy.connect()
            wire.write(head)
            sending = asyncio.create_task(send_for_ever(wire.writer, head is CHUNKED))
            answer, _ = await wire.read_response()
            assert answer[:12] == b"HTTP/1.1 413"
            sending.cancel()
            await eventually(lambda: not proxy.engine.clients)  # it does not read on for ever


async def test_an_answer_may_flow_while_its_request_does() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for _ in range(5):
            writer.write(await reader.readexactly(1))

    async with proxied(RawNode(echo)) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        head = await wire.read_until(b"\r\n\r\n")
        assert header(head, b"Connection") == [b"close"]
        for letter in b"abcde":
            wire.write(bytes([letter]))
            assert await wire.read_exactly(1) == bytes([letter])
        assert await wire.closed()


async def test_the_time_for_an_answers_head_does_not_run_for_its_body() -> None:
    """The head came before the upload ended: what is left to wait for is the body."""
    release = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        await reader.readexactly(4)
        await release.wait()
        writer.write(b"late")

    async with proxied(RawNode(node), timeouts={"response": "300ms", "idle": "1h"}) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        await wire.read_until(b"\r\n\r\n")
        wire.write(b"body")
        start = proxy.engine.wheel.now
        await eventually(lambda: proxy.engine.wheel.now > start + 0.8)
        release.set()
        assert await wire.read_exactly(4) == b"late"


async def test_a_body_that_stalls_after_an_early_head_is_given_up() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        await reader.read()

    raw = RawNode(node)
    async with proxied(raw, {"timeouts": {"body_idle": "1h"}}, timeouts={"idle": "300ms"}) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nbo")
        await wire.read_until(b"\r\n\r\n")
        assert await wire.closed()
        assert proxy.records[-1].fault == "body_timeout"


async def test_an_upload_may_take_longer_than_an_idle_connection_is_kept() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(ok())

    raw = RawNode(node)
    async with proxied(raw, pool={"keep_alive": "300ms"}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo")
        start = proxy.engine.wheel.now
        await eventually(lambda: proxy.engine.wheel.now > start + 0.8)
        wire.write(b"dy")
        assert (await wire.read_response())[1] == b"ok"
        assert raw.connections == 1
