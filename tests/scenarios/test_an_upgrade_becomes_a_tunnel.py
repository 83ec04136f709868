"""After a 101 the bytes belong to the client and its node alone, as with WebSockets."""

import asyncio

import pytest

from tests.scenarios.harness import (
    RawNode,
    Wire,
    cookie_of,
    eventually,
    header,
    ok,
    proxied,
    running_proxy,
    service,
    started,
)

UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
MEBIBYTE = 1024 * 1024


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends back what it gets, and ends when that ends."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(SWITCH)
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def open_tunnel(wire: Wire, more: bytes = b"") -> bytes:
    wire.write(UPGRADE + more)
    head = await wire.read_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    return head


async def test_bytes_pass_both_ways() -> None:
    async with proxied(RawNode(echo)) as proxy:
        wire = await proxy.connect()
        head = await open_tunnel(wire)
        assert header(head, b"Connection") == [b"Upgrade"]
        assert header(head, b"Upgrade") == [b"websocket"]
        for data in (b"one", b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            wire.write(data)
            assert await wire.read_exactly(len(data)) == data
        assert proxy.engine.services["app"].inflight == [1]


async def test_what_is_sent_right_behind_the_request_is_not_lost() -> None:
    async with proxied(RawNode(echo)) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire, b"early")
        assert await wire.read_exactly(5) == b"early"


async def test_what_comes_right_behind_the_answer_is_not_lost() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH + b"early")
        await reader.read()

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        assert await wire.read_exactly(5) == b"early"


async def test_the_client_may_stop_sending_first() -> None:
    async def answers_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        writer.write(b"%d" % len(await reader.read()))

    async with proxied(RawNode(answers_at_the_end)) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        wire.write(b"x" * MEBIBYTE)
        wire.writer.write_eof()
        assert await wire.read_all() == b"%d" % MEBIBYTE
        await eventually(proxy.at_rest)


async def test_the_node_may_stop_sending_first() -> None:
    got = bytearray()
    whole = asyncio.Event()

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH + b"bye")
        writer.write_eof()
        while data := await reader.read(16384):
            got.extend(data)
            await asyncio.sleep(0.001)  # slower than it is written to, so that the end waits for the rest
        whole.set()

    async with proxied(RawNode(listens)) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        assert await wire.read_all() == b"bye"
        wire.write(b"x" * 8 * MEBIBYTE)
        wire.writer.write_eof()
        await asyncio.wait_for(whole.wait(), 60)
        assert len(got) == 8 * MEBIBYTE
        await eventually(proxy.at_rest)


@pytest.mark.parametrize("leave", ["reset", "close"])
async def test_a_client_that_leaves_frees_its_node(leave: str) -> None:
    raw = RawNode(echo)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        wire.reset() if leave == "reset" else wire.writer.close()
        await eventually(lambda: raw.open == 0)
        await eventually(proxy.at_rest)
        assert proxy.records[-1].status == 101


async def test_a_node_that_breaks_off_ends_the_tunnel() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH + b"part")
        await writer.drain()
        await reader.readexactly(1)
        writer.transport.abort()

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        wire.write(b"x")
        assert await wire.read_all() == b"part"
        await wire.close()
        await eventually(proxy.at_rest)


async def test_a_silent_tunnel_is_ended_and_one_that_speaks_either_way_is_not() -> None:
    silent = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCH)
        while b"/ticks" in head and not silent.is_set():
            await asyncio.sleep(0.1)  # the pace of what the node says
            writer.write(b"tick")
        await reader.read()

    async with proxied(RawNode(node), timeouts={"idle": "1s"}) as proxy:
        quiet, ticking, talking = [await proxy.connect() for _ in range(3)]
        await open_tunnel(quiet)
        await open_tunnel(talking)
        ticking.write(UPGRADE.replace(b"/ws", b"/ticks"))
        await ticking.read_until(b"\r\n\r\n")
        start = proxy.engine.wheel.now
        while proxy.engine.wheel.now < start + 2.0:
            talking.write(b"x")
            await asyncio.sleep(0.1)  # the pace of what the client says
        assert await quiet.closed()
        assert len(proxy.engine.clients) == 2
        silent.set()
        assert b"tick" in await ticking.read_all()
        assert await talking.closed()
        await eventually(proxy.at_rest)


async def test_a_tunnel_is_as_slow_as_its_slowest_end() -> None:
    """The client sends and never reads, so the echo cannot be written, so the node stops reading."""
    async with proxied(RawNode(echo), {"timeouts": {"write_idle": "500ms"}}) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        wire.writer.transport.set_write_buffer_limits(0)
        wire.reader._limit = 1  # type: ignore[attr-defined]  # nor does our side of the test read ahead
        sent = 0
        while proxy.engine.clients and sent < 256 * MEBIBYTE:
            wire.writer.write(b"x" * MEBIBYTE)
            sent += MEBIBYTE
            await eventually(
                lambda: not proxy.engine.clients or not wire.writer.transport.get_write_buffer_size()
            )
        assert sent < 256 * MEBIBYTE
        await eventually(proxy.at_rest)


async def test_much_data_passes_whole_in_both_directions_at_once() -> None:
    async with proxied(RawNode(echo)) as proxy:
        wire = await proxy.connect()
        await open_tunnel(wire)
        block = bytes(range(256)) * 256
        sending = asyncio.create_task(send_all(wire, block, 200))
        got = bytearray()
        while len(got) < len(block) * 200:
            got += await wire.reader.read(MEBIBYTE)
        await sending
        assert got == block * 200


async def send_all(wire: Wire, block: bytes, times: int) -> None:
    for _ in range(times):
        await wire.send(block)


async def test_a_tunnel_goes_to_the_sessions_node() -> None:
    def speaks(name: bytes) -> RawNode:
        async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(SWITCH + name if b"/ws" in head else ok(name, b"Connection: close"))
            await reader.read()

        return RawNode(node)

    nodes = [speaks(name) for name in (b"a", b"b", b"c")]
    async with started(*nodes), running_proxy({"app": service([node.port for node in nodes])}) as proxy:
        for _ in range(5):
            wire = await proxy.connect()
            head = await open_tunnel(wire)  # a tunnel may be a session's first request
            name = await wire.read_exactly(1)
            cookie = cookie_of(head)
            other = await proxy.connect()
            other.write(UPGRADE[:-2] + b"Cookie: " + cookie + b"\r\n\r\n")
            assert b"Set-Cookie" not in await other.read_until(b"\r\n\r\n")
            assert await other.read_exactly(1) == name
            assert (await proxy.ask(b"GET / HTTP/1.0\r\nCookie: " + cookie + b"\r\n\r\n")).endswith(name)
            await wire.close()
            await other.close()


@pytest.mark.parametrize(
    "answer", [ok(b"no"), b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"]
)
async def test_a_refused_upgrade_is_an_answer_like_any_other(answer: bytes) -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer if b"Upgrade" in head else ok(b"next"))

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        assert (await wire.exchange(UPGRADE))[1] == b"no"
        assert (await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == b"next"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
    ],
)
async def test_nobody_gets_a_tunnel_that_they_did_not_ask_for(request_bytes: bytes) -> None:
    seen = bytearray()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(SWITCH)
        seen.extend(await reader.read())

    given = request_bytes.replace(b"\r\n", b"\r\nHost: x\r\n", 1)
    async with proxied(RawNode(node)) as proxy:
        answer = await proxy.ask(given + b"GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"Upgrade" not in seen
        assert b"smuggled" not in bytes(seen[:100])
