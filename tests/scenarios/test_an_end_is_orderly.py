"""When the process stops: what is idle closes at once, what is under way ends, and nothing new begins."""

import asyncio

from tests.scenarios.harness import RawNode, eventually, header, ok, proxied, read_request

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_idle_clients_are_closed_and_the_others_get_their_answers() -> None:
    answer = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            if b"/slow" in head:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl")
                await answer.wait()
                writer.write(b"ow")
            else:
                writer.write(ok())

    async with proxied(RawNode(node)) as proxy:
        idle, half, silent, busy = [await proxy.connect() for _ in range(4)]
        await idle.exchange(GET)
        half.write(GET[:10])
        busy.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        await busy.read_until(b"\r\n\r\nsl")
        await eventually(lambda: len(proxy.engine.clients) == 4)
        proxy.engine.stop()
        for wire in (idle, half, silent):
            assert await wire.closed()
        assert len(proxy.engine.clients) == 1
        answer.set()
        assert await busy.read_all() == b"ow"  # and not the answer to what came behind it


async def test_an_answer_that_begins_after_the_stop_says_that_it_is_the_last() -> None:
    answer = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await answer.wait()
        writer.write(ok())

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        wire.write(GET)
        await eventually(lambda: proxy.engine.services["app"].inflight == [1])
        proxy.engine.stop()
        answer.set()
        head, body = await wire.read_response()
        assert (header(head, b"Connection"), body) == ([b"close"], b"ok")
        assert await wire.closed()


async def test_at_last_all_are_cut() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        wire.write(GET)
        await eventually(lambda: raw.open == 1)
        proxy.engine.stop()
        proxy.engine.cut()
        assert await wire.closed()
        await eventually(lambda: raw.open == 0)
