"""One connection to a Redis: batches of commands out, their replies back in order."""

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Sequence
from math import inf
from typing import cast

import hiredis
from hiredis import ReplyError

from sessions.stores.redis.faults import Unavailable, words_of
from sessions.stores.redis.url import Login, Place

Command = tuple[str | int | bytes, ...]
Reply = None | int | bytes | ReplyError | list["Reply"]


class Connection(asyncio.Protocol):
    """Speaks RESP 2, with hiredis for both directions.

    Not redis-py: a batch costs a seventh of the CPU time (docs/decisions/0010-redis-client.md), and who
    abandons a batch here abandons its connection, so that no reply is ever taken for another's.
    """

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._replies: list[Reply] = []
        self._waiting: deque[tuple[int, float, asyncio.Future[list[Reply]]]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self._fail(f"what it answers is not RESP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the connection broke: {error}" if error else "it closed the connection")

    # Called by the link

    @property
    def usable(self) -> bool:
        """Whether a batch can be sent."""
        return self._transport is not None

    async def call(self, commands: Sequence[Command], deadline: float = inf) -> list[Reply]:
        """One reply for each command. Raises Unavailable, also when the loop's time has come to `deadline`.

        When cancelled, the connection goes too.
        """
        if self._transport is None:
            raise Unavailable("the connection is closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Reply]] = loop.create_future()
        self._waiting.append((len(commands), deadline, answer))
        if self._watch is None and deadline < inf:
            self._watch = loop.call_at(deadline, self._check)
        self._transport.write(_packed(commands))
        try:
            return await answer
        except asyncio.CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        """Close at once, and fail what is under way."""
        self._fail("the connection was given up")

    # Private

    def _take(self, reply: Reply) -> None:
        if not self._waiting:
            return self._fail("it answered what nobody had asked")
        self._replies.append(reply)
        wanted, _, answer = self._waiting[0]
        if len(self._replies) == wanted:
            self._waiting.popleft()
            replies, self._replies = self._replies, []
            if not answer.done():
                answer.set_result(replies)
        return None

    def _check(self) -> None:
        """The deadline of the oldest batch. One timer a second, not one a batch: that costs 15 us of 50."""
        self._watch = None
        loop = asyncio.get_running_loop()
        deadline = next((deadline for _, deadline, _ in self._waiting if deadline < inf), inf)
        if deadline <= loop.time():
            self._fail("no answer in time")
        elif deadline < inf:
            self._watch = loop.call_at(deadline, self._check)

    def _fail(self, why: str) -> None:
        if self._watch:
            self._watch.cancel()
            self._watch = None
        transport, self._transport = self._transport, None
        if transport:
            transport.abort()
        while self._waiting:
            *_, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(Unavailable(why))


async def connect(place: Place, login: Login, db: int, tls: ssl.SSLContext | None) -> Connection:
    """A connection on which the server knows us. Raises Unavailable; the caller bounds the time."""
    loop = asyncio.get_running_loop()
    try:
        if place.path:
            _, connection = await loop.create_unix_connection(Connection, place.path)
        else:
            _, connection = await loop.create_connection(Connection, place.host, place.port, ssl=tls)
    except OSError as error:  # ssl.SSLError among them
        raise Unavailable(f"cannot connect to {place}: {_words(error)}") from error
    try:
        await _introduce(connection, login, db)
    except BaseException:
        connection.abort()
        raise
    return connection


def _words(error: OSError) -> str:
    """What the system says, and not what a loop makes of it: `Connect call failed ('127.0.0.1', 6379)`."""
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return str(error.strerror or error)


def _packed(commands: Sequence[Command]) -> bytes:
    # hiredis's annotation says a tuple of one
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]


async def _introduce(connection: Connection, login: Login, db: int) -> None:
    commands: list[Command] = []
    if login.password:
        commands.append(("AUTH", login.user, login.password) if login.user else ("AUTH", login.password))
    if db:
        commands.append(("SELECT", db))
    if commands:
        for reply in await connection.call(commands):
            if isinstance(reply, ReplyError):
                raise Unavailable(words_of(reply))
