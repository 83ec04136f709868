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
from sessions.keeping.replies import Garbled, Reply, ReplyReader, read_whole

_MOST_IDLE = 8
_IDLE_SECONDS = 30.0  # beyond it a connection is not trusted to be whole: firewalls forget


class Dropped(Exception):
    """A connection that had been kept ended before a byte of the response came: nobody may have seen it."""


class Unreachable(Exception):
    """No connection could be made."""


class Request:
    """One request. It is told of its answer, or of what there was in its place, once, unless it is dropped.

    That is TimeoutError, Unreachable, Dropped, or Garbled for what is no response.
    """

    __slots__ = ("connection", "data", "deadline", "dropped", "seconds", "tried")

    def __init__(self, data: bytes, seconds: float) -> None:
        """`seconds`: in which it is to be answered."""
        self.data = data
        self.seconds = seconds
        self.deadline = 0.0  # by the loop's time
        self.dropped = False
        self.tried = False  # on a connection that had ended
        self.connection: Connection | None = None

    # A lone one and a batch each have their own of these; by itself this class is no request.

    def answered(self, reply: Reply) -> None:
        raise NotImplementedError  # there is no answer that nobody is told of

    def failed(self, fault: Exception) -> None:
        raise NotImplementedError  # nor a fault

    def drop(self) -> None:
        """Nobody wants to know any more; what comes yet belongs to nobody."""
        self.dropped = True
        if self.connection is not None:
            self.connection.close()


class _Lone(Request):
    """One that somebody waits for."""

    __slots__ = ("answer",)

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data, seconds)
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def answered(self, reply: Reply) -> None:
        if not self.answer.done():
            self.answer.set_result(reply)

    def failed(self, fault: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(fault)


class Connection:
    """One connection."""

    __slots__ = ("_channel", "_reader", "_request", "_transport", "asked_at", "closed", "deadline", "used")

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._transport: asyncio.Transport | None = None
        self._request: Request | None = None
        self._reader: ReplyReader | None = None  # of an answer that comes in pieces
        self.closed = False
        self.used = False  # before the request that is under way
        self.asked_at = 0.0  # when the last request was sent
        self.deadline = 0.0

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are none by name

    def data_received(self, data: bytes) -> None:
        if self._request is None:
            self.close()  # nobody has asked
            return
        try:
            reply = read_whole(data) if self._reader is None else self._reader.feed(data)
            if reply is None and self._reader is None:
                self._reader = ReplyReader()
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
        if self._request is None:
            return
        if self._reader is None:
            self._fail(Dropped() if self.used else Garbled("the connection ended without a response"))
            return
        try:
            self._finish(self._reader.end())
        except Garbled as fault:
            self._fail(fault)

    # Called by the channel and its alarm

    def ask(self, request: Request) -> None:
        """Send a request. It is told of its answer, and the channel that this connection is free again."""
        assert self._transport is not None
        self._request = request
        request.connection = self
        self.deadline = request.deadline
        self.asked_at = request.deadline - request.seconds
        self._channel.alarm.add(self)
        self._transport.write(request.data)

    def late(self, now: float) -> None:
        self._fail(TimeoutError())

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # Private

    def _finish(self, reply: Reply) -> None:
        request = self._over()
        self.used = True
        self._channel.keep(self, reply.kept)
        if request is not None and not request.dropped:
            request.answered(reply)

    def _fail(self, fault: Exception) -> None:
        request = self._over()
        self.close()
        if request is not None:
            self._channel.failed(request, fault)

    def _over(self) -> Request | None:
        request, self._request, self._reader = self._request, None, None
        self._channel.alarm.remove(self)
        if request is not None:
            request.connection = None
        return request


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
        self._idle: list[Connection] = []  # the last used one last
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self.alarm = Alarm()
        self.requests = 0  # that were begun; one that is sent again counts twice

    async def request(
        self, method: bytes, target: bytes, body: bytes, fields: bytes, seconds: float
    ) -> Reply:
        """One request and its answer. Raises TimeoutError, Unreachable, Dropped, Garbled."""
        lone = _Lone(self.text(method, target, body, fields), seconds)
        self.send(lone)
        try:
            return await lone.answer
        finally:
            lone.drop()

    def text(self, method: bytes, target: bytes, body: bytes, fields: bytes = b"") -> bytes:
        """A request as it is sent; `fields`: more lines, each with its CRLF."""
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        return b"".join((method, b" ", target, self._fixed, fields, length, body))

    def send(self, request: Request) -> None:
        """Begin one. Where a kept connection has ended, it is sent again: nodes close them when they like."""
        self.requests += 1
        now = asyncio.get_running_loop().time()
        request.deadline = now + request.seconds
        connection = self._take(now - _IDLE_SECONDS)
        if connection is not None:
            connection.ask(request)
            return
        opening = asyncio.create_task(self._open(request))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    def close(self) -> None:
        """Close what is idle, and begin nothing more."""
        self._closed = True
        self._drop_idle()

    # Called by connections

    def keep(self, connection: Connection, kept: bool) -> None:
        """An answer was read from it; `kept`: it may carry another request."""
        if connection.closed or not kept or self._closed or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    def failed(self, request: Request, fault: Exception) -> None:
        """A request has come to nothing."""
        if isinstance(fault, Dropped):
            self._drop_idle()  # as like as not the node has been started anew
            if not request.tried and not request.dropped:
                request.tried = True
                self.send(request)
                return
        if not request.dropped:
            request.failed(fault)

    # Private

    def _take(self, oldest: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.asked_at > oldest:
                return connection
            connection.close()
        return None

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _open(self, request: Request) -> None:
        """Connect, and send it."""
        try:
            if self._closed:
                raise Unreachable
            async with asyncio.timeout_at(request.deadline):
                connection = await self._connect()
        except Exception as error:  # noqa: BLE001 - the task's boundary: whoever has asked is told
            unreachable = isinstance(error, OSError) and not isinstance(error, TimeoutError)
            self.failed(request, Unreachable() if unreachable else error)
        else:
            if request.dropped:
                connection.close()
            else:
                connection.ask(request)

    async def _connect(self) -> Connection:
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
        return Connection(self)
