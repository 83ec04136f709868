"""A client's side of HTTP/1.1 in as few steps as can be: the load shares two cores with what it tests."""

import asyncio
import json
from typing import Any, NamedTuple, cast

PATIENCE = 25.0  # seconds: longer than any answer may take under these settings
NO_ANSWER = 0


class Reply(NamedTuple):
    """What came back. `status` NO_ANSWER: the connection broke or nothing came in time: `text`."""

    status: int
    cookies: dict[str, str]  # set by this answer; "" deletes one
    text: str
    sent: bool = True  # False: nobody can have seen the request

    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.text)
        return told


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self.idle = True  # and open
        self._answer: asyncio.Future[Reply] | None = None
        self._data = b""
        self._transport: asyncio.Transport | None = None

    async def request(self, head: bytes) -> Reply:
        """Send a request without a body. Raises TimeoutError."""
        assert self._transport is not None and self.idle
        self.idle = False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(head)
        return await asyncio.wait_for(self._answer, PATIENCE)

    def close(self) -> None:
        self.idle = False
        if self._transport is not None:
            self._transport.abort()

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        fields = [line.split(b":", 1) for line in head.split(b"\r\n")[1:]]
        length = next((int(value) for name, value in fields if name.lower() == b"content-length"), None)
        if length is None:
            self._told(Reply(NO_ANSWER, {}, f"an answer without a length: {head!r}"))
            self.close()
        elif len(rest) >= length:
            closing = any(name.lower() == b"connection" and b"close" in value for name, value in fields)
            cookies = dict(map(_cookie, (v for name, v in fields if name.lower() == b"set-cookie")))
            self._data = b""
            self.idle = not closing
            self._told(Reply(int(head[9:12]), cookies, rest.decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        self.idle = False
        self._told(Reply(NO_ANSWER, {}, "the connection broke"))

    def _told(self, reply: Reply) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reply)


class Line:
    """The connections of one client, from an address of its own: strangers of one are sent to one node."""

    def __init__(self, number: int, ports: list[int]) -> None:
        """`ports`: of the proxies."""
        self._address = (f"127.0.{1 + number // 250 % 4}.{1 + number % 250}", 0)
        self._ports = ports
        self._open: list[list[Connection]] = [[] for _ in ports]

    async def send(self, proxy: int, method: str, target: str, cookies: dict[str, str]) -> Reply:
        """One request. A proxy that refuses connections has seen nothing: then the next one gets it."""
        for index in (proxy, *(i for i in range(len(self._ports)) if i != proxy)):
            connection = await self._connection(index)
            if connection is not None:
                return await self._ask(index, connection, _head(method, target, cookies))
        return Reply(NO_ANSWER, {}, "no proxy takes connections", sent=False)

    def idle(self, proxy: int) -> int:
        """How many connections to a proxy wait for another request."""
        return sum(connection.idle for connection in self._open[proxy])

    def close(self) -> None:
        for connections in self._open:
            for connection in connections:
                connection.close()

    async def _ask(self, index: int, connection: Connection, head: bytes) -> Reply:
        try:
            reply = await connection.request(head)
        except TimeoutError:
            connection.close()
            return Reply(NO_ANSWER, {}, "no answer in time")
        if connection.idle:
            self._open[index].append(connection)
        return reply

    async def _connection(self, index: int) -> Connection | None:
        waiting = self._open[index]
        while waiting:
            connection = waiting.pop()
            if connection.idle:
                return connection
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.create_connection(
                Connection, "127.0.0.1", self._ports[index], local_addr=self._address
            )
        except OSError:
            return None
        return made


def _head(method: str, target: str, cookies: dict[str, str]) -> bytes:
    jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
    line = f"Cookie: {jar}\r\n" if jar else ""
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {target} HTTP/1.1\r\nHost: shop.example\r\n{line}{length}\r\n".encode()


def _cookie(line: bytes) -> tuple[str, str]:
    """Name and value of a Set-Cookie; a value of "" where it deletes."""
    first, *attributes = line.decode().split(";")
    name, _, value = first.strip().partition("=")
    gone = any(attribute.strip().lower() == "max-age=0" for attribute in attributes)
    return name, "" if gone else value
