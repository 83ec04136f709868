"""The servers behind one URL, as a store sees them: the one server, or the one that Sentinels name."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from hiredis import ReplyError

from sessions.stores.redis.connection import Command, Connection, Reply, connect
from sessions.stores.redis.faults import Unavailable, words_of
from sessions.stores.redis.link import Link
from sessions.stores.redis.url import Kind, Place, RedisUrl


class Answer(NamedTuple):
    """The reply to one command, and to the WAIT that followed its batch (None: not asked)."""

    reply: Reply | Unavailable
    replicas: Reply = None


class Servers(Protocol):
    """Whoever takes the writes."""

    @property
    def up(self) -> bool:
        """Whether all of them answered when they were last asked."""

    @property
    def connections(self) -> int:
        """Changes whenever one is made."""

    async def open(self, deadline: float) -> None:
        """Connect. A server that is down is no error."""

    async def run(
        self, ids: Sequence[str], commands: Sequence[Command], wait: Command | None, deadline: float
    ) -> list[Answer]:
        """One answer for each command, each about the session id at its place; `wait` follows every batch."""

    async def ask_each(self, commands: Sequence[Command], deadline: float) -> dict[str, list[Answer]]:
        """What every server answers, by its address."""

    async def close(self) -> None:
        """End all connections."""


async def ask(link: Link, commands: Sequence[Command], wait: Command | None, deadline: float) -> list[Answer]:
    """What one server answers to its part of a batch."""
    try:
        replies = await link.call([*commands, wait] if wait else commands, deadline)
    except Unavailable as error:
        return [Answer(error)] * len(commands)
    replicas = replies.pop() if wait else None
    return [Answer(reply, replicas) for reply in replies]


class Single:
    """One server: at a fixed place, or where Sentinels say that the master is."""

    def __init__(
        self, url: RedisUrl, timeout_seconds: float, announce: Callable[[str, bool, str], None]
    ) -> None:
        """`announce` is told the place with what `Link` announces."""
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._label = url.master or str(url.places[0])
        self._link = Link(
            self._master if url.kind == Kind.SENTINEL else self._server,
            timeout_seconds,
            lambda up, why: announce(self._label, up, why),
        )

    @property
    def up(self) -> bool:
        return self._link.up

    @property
    def connections(self) -> int:
        return self._link.connections

    async def open(self, deadline: float) -> None:
        await self._link.open(deadline)

    async def run(
        self, ids: Sequence[str], commands: Sequence[Command], wait: Command | None, deadline: float
    ) -> list[Answer]:
        return await ask(self._link, commands, wait, deadline)

    async def ask_each(self, commands: Sequence[Command], deadline: float) -> dict[str, list[Answer]]:
        return {self._label: await ask(self._link, commands, None, deadline)}

    async def close(self) -> None:
        await self._link.close()

    async def _server(self) -> Connection:
        return await connect(self._url.places[0], self._url.login, self._url.db, self._url.tls)

    async def _master(self) -> Connection:
        """A connection to the master, in the way that Redis prescribes to clients of Sentinel."""
        place = await self._master_place()
        connection = await connect(place, self._url.login, self._url.db, self._url.tls)
        role = (await connection.call([("ROLE",)]))[0]
        if isinstance(role, list) and role[0] != b"master":
            connection.abort()
            raise Unavailable(f"{place} is not the master yet")
        return connection

    async def _master_place(self) -> Place:
        why = ""
        for sentinel in self._url.places:
            try:
                async with asyncio.timeout(self._timeout_seconds / (len(self._url.places) + 1)):
                    return await self._asked(sentinel)
            except TimeoutError:
                why = f"no answer from Sentinel {sentinel}"
            except Unavailable as error:
                why = f"Sentinel {sentinel}: {error}"
        raise Unavailable(why)

    async def _asked(self, sentinel: Place) -> Place:
        connection = await connect(sentinel, self._url.sentinel_login, 0, self._url.tls)
        try:
            reply = (await connection.call([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.master)]))[0]
        finally:
            connection.abort()
        match reply:
            case [bytes(host), bytes(port)]:
                return Place(host.decode(), int(port))
            case ReplyError():
                raise Unavailable(words_of(reply))
        raise Unavailable(f"it knows no master called {self._url.master}")
