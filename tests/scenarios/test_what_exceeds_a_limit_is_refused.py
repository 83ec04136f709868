"""Heads, bodies and connections beyond their limits are refused, with the status that says why."""

import asyncio

import pytest

from tests.scenarios.harness import Recorder, eventually, header, proxied

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET /" + b"x" * 100_000, b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 1000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 200 + b"\r\n" + b"Y: " + b"y" * 100_000, b"431"),
    ],
)
async def test_a_head(request_bytes: bytes, status: bytes) -> None:
    node = Recorder()
    limits = {"head": "2KiB", "headers": 15, "line": "512B"}
    async with proxied(node, {"limits": limits}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(request_bytes)
        assert head[9:12] == status
        assert header(head, b"Connection") == [b"close"]
        assert await wire.closed()
        assert node.requests == []
        within = b"GET /" + b"x" * 400 + b" HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 14 + b"\r\n"
        assert (await (await proxy.connect()).exchange(within))[1] == b"ok"


@pytest.mark.parametrize("size", [1024, 1025, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body(size: int, chunked: bool) -> None:
    node = Recorder()
    async with proxied(node, {"limits": {"body": "1KiB"}}) as proxy:
        wire = await proxy.connect()
        body = b"x" * size
        post = b"POST / HTTP/1.1\r\nHost: x\r\n"
        if chunked:
            post += b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
        else:
            post += b"Content-Length: %d\r\n\r\n%b" % (size, body)
        head, _ = await wire.exchange(post)
        if size == 1024:
            assert head[9:12] == b"200"
            return
        assert head[9:12] == b"413"
        assert header(head, b"Connection") == [b"close"]
        assert node.requests == []  # none was ever whole
        await eventually(lambda: proxy.engine.services["app"].inflight == [0])


async def test_a_client_that_asks_first_is_refused_before_it_sends() -> None:
    async with proxied(Recorder(), {"limits": {"body": "1KiB"}}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert head[9:12] == b"413"


async def test_connections() -> None:
    async with proxied(Recorder(), {"limits": {"connections": 3}}) as proxy:
        wires = [await proxy.connect() for _ in range(3)]
        for wire in wires:
            assert (await wire.exchange(GET))[1] == b"ok"
        refused = await proxy.connect()
        refused.write(GET)
        head, _ = await refused.read_response()
        assert head[9:12] == b"503"
        assert header(head, b"Retry-After") == [b"1"]
        assert (await wires[0].exchange(GET))[1] == b"ok"
        await wires[0].close()
        await eventually(lambda: proxy.engine.counters.connections < 3)
        assert (await (await proxy.connect()).exchange(GET))[1] == b"ok"
        assert proxy.engine.counters.rejected["connections"] == 1


async def test_connections_of_one_address() -> None:
    async with proxied(Recorder(), {"limits": {"connections_per_address": 2}}) as proxy:
        wires = [await proxy.connect() for _ in range(2)]
        refused = await proxy.connect()
        assert (await refused.read_response())[0][9:12] == b"429"
        for wire in wires:
            assert (await wire.exchange(GET))[1] == b"ok"
        await wires[0].close()
        await eventually(lambda: proxy.engine.addresses == {"127.0.0.1": 1})
        assert (await (await proxy.connect()).exchange(GET))[1] == b"ok"


async def test_those_refused_take_no_places() -> None:
    """However many were turned away and still hold on, who comes when there is room gets in."""
    async with proxied(Recorder(), {"limits": {"connections": 2, "connections_per_address": 2}}) as proxy:
        wires = [await proxy.connect() for _ in range(2)]
        refused = [await proxy.connect() for _ in range(10)]
        for wire in refused:
            wire.write(b"x")
            await wire.read_until(b"\r\n\r\n")
        await wires[0].close()
        await wires[1].close()
        await eventually(lambda: proxy.engine.counters.connections == 0)
        assert (await (await proxy.connect()).exchange(GET))[1] == b"ok"


async def test_what_is_refused_is_counted_by_reason() -> None:
    async with proxied(Recorder(), {"limits": {"body": "1KiB", "line": "512B"}}) as proxy:
        for request_bytes in (
            b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        ):
            await asyncio.gather(*(one(proxy.ask(request_bytes)) for _ in range(2)))
        assert proxy.engine.counters.rejected == {"target_too_long": 2, "body_too_large": 2, "bad_host": 4}


async def one(answer: "asyncio.Future[bytes] | object") -> None:
    assert (await answer).count(b"HTTP/1.1 4") == 1  # type: ignore[misc]
