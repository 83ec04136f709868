"""Whoever takes too long is let go when the limit says so, and nobody else waits for them."""

import asyncio
import time
from typing import cast

import pytest

from proxy.client import Client
from tests.scenarios.harness import (
    RawNode,
    Recorder,
    RunningProxy,
    Wire,
    eventually,
    ok,
    proxied,
    read_request,
)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
TIMEOUTS = {"head": "500ms", "body_idle": "500ms", "write_idle": "500ms", "keep_alive": "1h"}
HUNDRED = 100


async def drip(wire: Wire, data: bytes) -> None:
    """A byte every fiftieth of a second: always something, never enough."""
    for i in range(len(data)):
        if wire.reader.at_eof():
            return
        wire.write(data[i : i + 1])
        await asyncio.sleep(0.02)  # the client's pace


async def test_a_head_that_takes_too_long() -> None:
    async with proxied(Recorder(), {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        dripping = asyncio.create_task(drip(wire, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 1000))
        assert (await wire.read_response())[0][9:12] == b"408"
        assert await wire.closed()
        dripping.cancel()
        assert proxy.engine.counters.rejected == {"head_timeout": 1}


async def test_the_second_head_on_a_connection_too() -> None:
    async with proxied(Recorder(), {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        wire.write(GET + b"GET / HT")
        assert (await wire.read_response())[1] == b"ok"
        assert (await wire.read_response())[0][9:12] == b"408"


async def test_a_body_that_stops() -> None:
    node = Recorder()
    async with proxied(node, {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome")
        assert (await wire.read_response())[0][9:12] == b"408"
        await eventually(lambda: node.open == 0)
        assert proxy.engine.services["app"].watcher.suspicious == [0]  # not the node's fault


@pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
async def test_a_body_that_drips(framing: bytes) -> None:
    node = Recorder()
    async with proxied(node, {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n")
        body = b"1\r\nx\r\n" * 200 if b"chunked" in framing else b"x" * 1000
        dripping = asyncio.create_task(drip(wire, body))
        assert (await wire.read_response())[0][9:12] == b"408"
        dripping.cancel()
        await eventually(lambda: node.open == 0)


async def test_a_body_that_is_slow_but_moves_is_waited_for() -> None:
    node = Recorder()
    async with proxied(node, {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        wire.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1200\r\n\r\n")
        for _ in range(12):
            wire.write(b"x" * 100)
            await asyncio.sleep(0.1)  # the client's pace
        assert (await wire.read_response())[1] == b"ok"


async def test_a_client_that_does_not_take_its_answer() -> None:
    raw = RawNode(endless)
    async with proxied(raw, {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        wire.reader._limit = 1024  # type: ignore[attr-defined]  # so that our side of the test reads no more
        wire.write(GET)
        await wire.read_until(b"\r\n\r\n")
        await eventually(lambda: not proxy.engine.clients)
        await eventually(lambda: raw.open == 0)
        assert proxy.engine.counters.rejected == {"write_timeout": 1}


async def test_a_client_that_stops_in_the_last_part_of_its_last_answer() -> None:
    async with proxied(Recorder(), {"timeouts": TIMEOUTS}) as proxy:
        wire = await proxy.connect()
        cast(asyncio.ReadTransport, wire.writer.transport).pause_reading()
        await eventually(lambda: len(proxy.engine.clients) == 1)
        (client,) = proxy.engine.clients
        assert isinstance(client, Client)
        client.write(b"x" * 30_000_000)  # more than the kernel takes
        client.abort(reset=False)  # as after an answer: what is written is still to go out
        client.resume_writing()  # as when little of it is left
        await eventually(lambda: not proxy.engine.clients)
        assert proxy.engine.counters.rejected == {"write_timeout": 1}


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 1_000_000)
        await writer.drain()


async def test_a_client_that_does_not_take_the_very_last_bytes() -> None:
    """The answers are whole and the connection is idle, but some of them are still here."""
    node = Recorder(ok(b"x" * 16384))
    timeouts = TIMEOUTS | {"keep_alive": "500ms"}
    async with proxied(node, {"timeouts": timeouts}) as proxy:
        wire = await proxy.connect()
        wire.reader._limit = 1024  # type: ignore[attr-defined]
        await eventually(lambda: len(proxy.engine.clients) == 1)
        client = next(iter(proxy.engine.clients))
        transport: asyncio.Transport = client.transport  # type: ignore[attr-defined]
        for i in range(1, 10_000):
            wire.write(GET)
            await eventually(lambda i=i: sum(proxy.engine.services["app"].nodes[0].counters.answers) == i)  # type: ignore[misc]
            if transport.get_write_buffer_size():
                break
        assert 0 < transport.get_write_buffer_size() < 65536
        del client, transport
        await eventually(lambda: not proxy.engine.clients)


async def test_a_hundred_of_each_hold_nobody_up() -> None:
    raw = RawNode(polite)
    async with proxied(raw, {"timeouts": TIMEOUTS | {"head": "2s", "body_idle": "2s"}}) as proxy:
        normal = await proxy.connect()
        await normal.exchange(GET)
        slow = await asyncio.gather(*(proxy.connect() for _ in range(3 * HUNDRED)))
        tasks = []
        for head, body in zip(
            slow[:HUNDRED], slow[HUNDRED : 2 * HUNDRED], strict=True
        ):  # the others are silent
            tasks.append(asyncio.create_task(drip(head, b"GET / HTTP/1.1\r\n" + b"x" * 1000)))
            body.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            tasks.append(asyncio.create_task(drip(body, b"x" * 1000)))
        await eventually(lambda: len(proxy.engine.clients) == 3 * HUNDRED + 1)
        await goes_on_quickly(proxy, normal)
        for task in tasks:
            task.cancel()
        await normal.exchange(GET)
        assert len(proxy.engine.clients) == 1
        assert proxy.engine.counters.rejected == {"head_timeout": HUNDRED, "body_timeout": HUNDRED}


async def goes_on_quickly(proxy: RunningProxy, normal: Wire) -> None:
    """Ask all the time until the slow ones are gone, whom nobody waits for."""
    answered = 0
    deadline = time.monotonic() + 60
    while len(proxy.engine.clients) > 1:
        assert time.monotonic() < deadline
        assert (await normal.exchange(GET))[1] == b"ok"
        answered += 1
        await asyncio.sleep(0.005)
    assert answered >= 10


async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(ok())
