"""Connections to one node's session endpoint: a request at a time on each, kept between requests.

With aiohttp's client in this place a lone settled write of 2 KB cost 275-335 us of CPU here, against 165-230
(alternating runs on one machine, all of the keeper's work included); with 64 writers at once, 23 to a
request, 45-80 us either way. It also hands bytes that came on an idle connection to the next request as
its answer, which these connections cannot.
"""

import asyncio
import ssl
from typing import Any, cast

from sessions.keeping.alarm import Alarm
from sessions.keeping.replies import Garbled, Reply, ReplyReader

_MOST_IDLE = 8
_IDLE_SECONDS = 30.0  # beyond it a connection is not trusted to be whole: firewalls forget


class Dropped(Exception):
    """A connection that had been kept ended before a byte of the response came: nobody may have seen it."""


class Unreachable(Exception):
    """No connection could be made."""


class Connection:
    """One connection."""

    __slots__ = ("_alarm", "_answer", "_reader", "_transport", "closed", "deadline", "since", "used")

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm
        self._transport: asyncio.Transport | None = None
        self._reader: ReplyReader | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self.closed = False
        self.used = False  # before the request that is under way
        self.since = 0.0  # when it became idle
        self.deadline = 0.0

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are none by name

    def data_received(self, data: bytes) -> None:
        if self._reader is None or self._answer is None:
            self.close()  # nobody has asked
            return
        try:
            reply = self._reader.feed(data)
        except Garbled as fault:
            self._fail(fault)
            return
        if reply is not None:
            self._finish(reply)

    def eof_received(self) -> bool:
        return False  # it closes, and `connection_lost` follows

    def pause_writing(self) -> None:
        """A request is whole when it is written: there is nothing that could wait."""

    def resume_writing(self) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        reader = self._reader
        if reader is None:
            return
        if self.used and not reader.began:
            self._fail(Dropped())
            return
        try:
            self._finish(reader.end())
        except Garbled as fault:
            self._fail(fault)

    # Called by the channel

    async def ask(self, request: bytes, deadline: float) -> Reply:
        """One request and its answer, by the loop's time. Raises Dropped, Garbled, TimeoutError."""
        assert self._transport is not None
        self._reader = ReplyReader()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        self.deadline = deadline
        self._alarm.add(self)
        try:
            return await self._answer
        finally:
            self._alarm.remove(self)
            self._close_unanswered()

    def _close_unanswered(self) -> None:
        if self._reader is not None:  # what comes yet belongs to nobody
            self.close()

    def late(self, now: float) -> None:
        """Called by the alarm."""
        self._fail(TimeoutError())

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # Private

    def _finish(self, reply: Reply) -> None:
        answer, self._answer, self._reader = self._answer, None, None
        self.used = True
        if not reply.kept:
            self.close()
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _fail(self, fault: Exception) -> None:
        answer, self._answer, self._reader = self._answer, None, None
        self.close()
        if answer is not None and not answer.done():
            answer.set_exception(fault)


class Channel:
    """All connections to one address. Closes itself for nobody but `close`."""

    def __init__(
        self,
        host: str,
        port: int,
        socket: str | None,
        authority: str,
        key: bytes,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        """`socket`: the path of a unix socket, in place of `host` and `port`. `authority`: for `Host`.

        `tls`: how the node is known to be `server_name`, where it speaks TLS.
        """
        self._tls = tls
        self._server_name = server_name if tls is not None else None
        self._host = host
        self._port = port
        self._socket = socket
        self._fixed = b" HTTP/1.1\r\nHost: %b\r\nLimpet-Key: %b\r\n" % (authority.encode(), key)
        self._alarm = Alarm()
        self._idle: list[Connection] = []  # the last used one last
        self._closed = False

    async def request(
        self, method: bytes, target: bytes, body: bytes, fields: bytes, seconds: float
    ) -> Reply:
        """One request; `fields`: more lines, each with its CRLF.

        Raises TimeoutError after `seconds`, Unreachable, Dropped, or Garbled for what is no response.
        """
        request = b"".join(
            (method, b" ", target, self._fixed, fields, b"Content-Length: %d\r\n\r\n" % len(body), body)
        )
        deadline = asyncio.get_running_loop().time() + seconds
        connection = self._take() or await self._connect(deadline)
        try:
            reply = await connection.ask(request, deadline)
        except Dropped:
            self._drop_idle()  # as like as not the node has been started anew
            raise
        self._keep(connection)
        return reply

    def close(self) -> None:
        """Close what is idle, and begin nothing more."""
        self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _take(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.since > oldest:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.closed or self._closed or len(self._idle) >= _MOST_IDLE:
            connection.close()
            return
        connection.since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    async def _connect(self, deadline: float) -> Connection:
        if self._closed:
            raise Unreachable
        try:
            async with asyncio.timeout_at(deadline):
                return await self._open()
        except TimeoutError:
            raise
        except OSError as error:
            raise Unreachable from error

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        if self._socket is not None:
            _, connection = await loop.create_unix_connection(self._protocol, self._socket)
        else:
            _, connection = await loop.create_connection(
                self._protocol,
                self._host,
                self._port,
                ssl=self._tls,
                server_hostname=self._server_name,
            )
        return cast(Connection, connection)

    def _protocol(self) -> Any:  # by its methods: a class that is compiled has no base that is not
        return Connection(self._alarm)
