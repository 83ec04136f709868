"""A connection whose server says what no Redis says: what is under way fails, and nothing is mistaken."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sessions.stores.redis.connection import Connection, connect
from sessions.stores.redis.faults import Unavailable
from sessions.stores.redis.url import Login, Place


class Scripted:
    """A server that says what the test wants, whatever it is asked."""

    def __init__(self) -> None:
        self.port = 0
        self.heard = bytearray()
        self.asked = asyncio.Event()
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        while data := await reader.read(65536):
            self.heard += data
            self.asked.set()
        writer.close()

    def say(self, data: bytes) -> None:
        assert self.writer
        self.writer.write(data)

    async def connection(self) -> Connection:
        return await connect(Place("127.0.0.1", self.port), Login(), 0, None)


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    server = Scripted()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    if server.writer:
        server.writer.close()
    await listening.wait_closed()


async def test_replies_come_in_order_however_they_are_cut(scripted: Scripted) -> None:
    connection = await scripted.connection()
    first = asyncio.create_task(connection.call([("A", 1), ("B", b"\0")]))
    second = asyncio.create_task(connection.call([("C",)]))
    await scripted.asked.wait()
    for byte in b":1\r\n*2\r\n$3\r\na\r\n\r\n$-1\r\n+OK\r\n":
        scripted.say(bytes([byte]))
        await asyncio.sleep(0)
    assert await first == [1, [b"a\r\n", None]]
    assert await second == [b"OK"]
    assert scripted.heard.startswith(b"*2\r\n$1\r\nA\r\n$1\r\n1\r\n*2\r\n$1\r\nB\r\n$1\r\n\0\r\n")
    connection.abort()


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "not RESP"), (b"+OK\r\n+OK\r\n", "what nobody had asked")],
)
async def test_what_no_redis_says_ends_the_connection(scripted: Scripted, said: bytes, why: str) -> None:
    connection = await scripted.connection()
    waiting = asyncio.create_task(connection.call([("A",)]))
    await scripted.asked.wait()
    scripted.say(said)
    if b"OK" in said:
        assert await waiting == [b"OK"]
    else:
        with pytest.raises(Unavailable, match=why):
            await waiting
    async with asyncio.timeout(60):
        while connection.usable:  # noqa: ASYNC110
            await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="closed"):
        await connection.call([("A",)])


async def test_a_connection_that_ends_fails_all_that_is_under_way(scripted: Scripted) -> None:
    connection = await scripted.connection()
    waiting = [asyncio.create_task(connection.call([("A",)])) for _ in range(3)]
    await scripted.asked.wait()
    scripted.say(b"+OK\r\n$5\r\nab")
    assert scripted.writer
    scripted.writer.close()
    first, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert first == [b"OK"]
    assert [str(error) for error in others] == ["it closed the connection"] * 2


async def test_who_gives_up_takes_the_connection_along(scripted: Scripted) -> None:
    connection = await scripted.connection()
    waiting = asyncio.create_task(connection.call([("A",)]))
    await scripted.asked.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not connection.usable
