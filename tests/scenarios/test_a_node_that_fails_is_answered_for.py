"""What a client is told when its node fails: 502 it broke off, 503 nobody there, 504 too slow."""

import asyncio
import time

import pytest

from tests.scenarios.harness import (
    RawNode,
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
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
NO_RETRIES = {"tries": 1}


def says(answer: bytes, close: bool = True) -> RawNode:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        if not close:
            await reader.read()

    return RawNode(node)


async def test_nobody_listens() -> None:
    node = says(b"")
    await node.start()
    await node.stop()
    async with running_proxy({"app": service([node.port])}) as proxy:
        wire = await proxy.connect()
        for request_bytes in (GET, POST, GET):
            head, _ = await wire.exchange(request_bytes)
            assert head.startswith(b"HTTP/1.1 503 ")
            assert header(head, b"Retry-After") == [b"1"]
            assert header(head, b"Cache-Control") == [b"no-store"]
            assert not header(head, b"Set-Cookie")  # no session was begun
        assert {record.fault for record in proxy.records} == {"connect_failed"}


@pytest.mark.parametrize("request_bytes", [GET, POST])
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"H",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20",
    ],
)
async def test_a_node_closes_before_its_head_is_whole(answer: bytes, request_bytes: bytes) -> None:
    async with proxied(says(answer), retries=NO_RETRIES) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(request_bytes)
        if head[9:12] == b"103":
            head, _ = await wire.read_response()
        assert head.startswith(b"HTTP/1.1 502 ")
        assert proxy.records[-1].fault == "node_closed"
        assert (await wire.exchange(request_bytes))[0].startswith(b"HTTP/1.1 ")  # the client's side is well


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 600 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
async def test_a_node_that_does_not_speak_http(answer: bytes) -> None:
    raw = says(answer, close=False)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        for _ in range(2):
            head, _ = await wire.exchange(GET)
            assert head.startswith(b"HTTP/1.1 502 ")
            await eventually(lambda: raw.open == 0)
        assert raw.connections == 2  # once each: a wrong answer would be no better elsewhere


@pytest.mark.parametrize("request_bytes", [GET, POST])
async def test_a_node_that_is_too_slow(request_bytes: bytes) -> None:
    raw = says(b"HTTP/1.1 200 ", close=False)
    async with proxied(raw, timeouts={"response": "200ms"}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(request_bytes)
        assert head.startswith(b"HTTP/1.1 504 ")
        await eventually(lambda: raw.open == 0)
        assert raw.connections == 1


async def test_an_answer_that_came_while_limpet_stood_still_is_not_late() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ok())
        time.sleep(0.5)  # noqa: ASYNC251 - what is tested: the proxy's loop, which is this one, stands still
        proxy.engine.tick()  # on uvloop, timers come before sockets

    async with proxied(RawNode(node), timeouts={"response": "200ms"}) as proxy:
        wire = await proxy.connect()
        assert (await wire.exchange(GET))[1] == b"ok"


async def test_a_node_that_only_ever_says_wait() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
            await writer.drain()
            await asyncio.sleep(0.01)  # the pace of its excuses

    async with proxied(RawNode(node), timeouts={"response": "300ms"}) as proxy:
        answer = await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 504 ")


async def test_a_node_that_accepts_nobody() -> None:
    """Its backlog is full: the connection neither stands nor fails."""
    import socket

    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        async with running_proxy({"app": service([port], timeouts={"connect": "200ms"})}) as proxy:
            wire = await proxy.connect()
            head, _ = await wire.exchange(POST)
            assert head.startswith(b"HTTP/1.1 504 ")
            assert proxy.records[-1].fault == "connect_timeout"


async def test_a_node_that_stops_reading_an_upload() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.Event().wait()

    raw = RawNode(node)
    settings = {"limits": {"body": "1GiB"}}
    async with proxied(raw, settings, timeouts={"response": "300ms"}) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        sending = asyncio.create_task(pour(wire.writer))
        head, _ = await wire.read_response()
        assert head.startswith(b"HTTP/1.1 504 ")
        sending.cancel()


async def pour(writer: asyncio.StreamWriter) -> None:
    for _ in range(100):
        writer.write(b"x" * 1_000_000)
        await writer.drain()


async def test_a_node_that_closes_during_an_upload() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100_000)

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
        sending = asyncio.create_task(pour(wire.writer))
        head, _ = await wire.read_response()
        assert head.startswith(b"HTTP/1.1 502 ")
        assert header(head, b"Connection") == [b"close"]
        sending.cancel()


async def test_a_flood_after_the_answer_harms_nobody() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ok() + b"x" * 10_000_000)
        await writer.drain()

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        for _ in range(5):
            assert (await wire.exchange(GET))[1] == b"ok"
        assert raw.connections == 5


async def test_the_error_page_fits_the_client() -> None:
    async with started(node := says(b"")), running_proxy({"app": service([node.port])}) as proxy:
        wire = await proxy.connect()
        html, page = await wire.exchange(GET[:-2] + b"Accept: text/html,*/*\r\n\r\n")
        assert header(html, b"Content-Type") == [b"text/html; charset=utf-8"]
        assert b"<h1>502" in page
        json, page = await wire.exchange(GET)
        assert header(json, b"Content-Type") == [b"application/json"]
        assert page.startswith(b'{"status": 502')
        head, _ = await wire.exchange(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 502 ")
        assert (await wire.exchange(GET))[0].startswith(b"HTTP/1.1 502 ")
