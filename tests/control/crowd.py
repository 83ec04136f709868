"""A crowd before a real Limpet: 1,000 connections with a session each, and tunnels, all at once."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Iterator

PATIENCE = 60.0
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n%b\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


class Node(asyncio.Protocol):
    """Says its name to each request; what comes through a tunnel it sends back."""

    def __init__(self, name: bytes) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name)
        self._tunnel = False
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._tunnel:
            self._transport.write(data)
            return
        self._held += data
        while b"\r\n\r\n" in self._held:
            head, _, self._held = self._held.partition(b"\r\n\r\n")
            self._tunnel = b"websocket" in head
            self._transport.write(SWITCHED if self._tunnel else self._answer)


@contextlib.asynccontextmanager
async def crowd_nodes(count: int) -> AsyncIterator[list[int]]:
    """The ports of nodes `0`, `1`, ..."""
    loop, servers = asyncio.get_running_loop(), []
    for number in range(count):
        name = str(number).encode()
        servers.append(await loop.create_server(lambda name=name: Node(name), "127.0.0.1", 0, backlog=1024))
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            server.close()


@contextlib.contextmanager
def many_files(count: int) -> Iterator[None]:
    """Most systems let a process have 1024 files open until it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Member:
    """One connection, and the session of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.cookie = b""
        self.places: list[str] = []  # where its requests went
        self.failures: list[str] = []
        self.closing = False  # the last answer said so

    async def connect(self, port: int) -> None:
        """Anew."""
        self._writer.close()
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self.closing = False

    async def ask(self) -> None:
        """One request; whatever is not a whole 200 is a failure."""
        try:
            self._writer.write(REQUEST % (b"Cookie: %b\r\n" % self.cookie if self.cookie else b""))
            async with asyncio.timeout(PATIENCE):
                head = await self._reader.readuntil(b"\r\n\r\n")
                self.places.append((await self._reader.readexactly(1)).decode())
            if not head.startswith(b"HTTP/1.1 200 "):
                self.failures.append(head.decode())
            self.closing = b"\r\nConnection: close" in head
            if b"Set-Cookie: " in head:
                self.cookie = head.partition(b"Set-Cookie: ")[2].partition(b";")[0]
        except (OSError, EOFError, TimeoutError) as error:
            self.failures.append(repr(error))

    async def open_tunnel(self) -> None:
        self._writer.write(UPGRADE)
        assert b" 101 " in await self._reader.readuntil(b"\r\n\r\n")

    async def echo(self, words: bytes) -> None:
        try:
            self._writer.write(words)
            async with asyncio.timeout(PATIENCE):
                if await self._reader.readexactly(len(words)) != words:
                    self.failures.append("other bytes came back")
        except (OSError, EOFError, TimeoutError) as error:
            self.failures.append(repr(error))

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def crowd(port: int, count: int) -> AsyncIterator[list[Member]]:
    """As many connections, from many addresses: those who come from one are sent to one node."""
    members: list[Member] = []
    try:
        for number in range(count):
            local = (f"127.0.1.{number % 250 + 1}", 0)
            members.append(Member(*await asyncio.open_connection("127.0.0.1", port, local_addr=local)))
        yield members
    finally:
        await asyncio.gather(*(member.close() for member in members))
