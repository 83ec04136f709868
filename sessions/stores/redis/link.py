"""One server that takes the writes: its connection, and whether it is up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hiredis import ReplyError

from sessions.stores.redis.connection import Command, Connection, Reply
from sessions.stores.redis.faults import Fault, Unavailable, fault_of, words_of

# A write, so that a server which can only be read is not taken for healed.
PROBE: Command = ("SET", "limpet:{probe}", "", "PX", 10_000)
PAUSE_SECONDS = 0.5


class Link:
    """The breaker and the healer round one connection.

    The first batch that is not answered in time, or whose connection cannot be made anew, opens the
    breaker: from then on nobody waits, and a probe every half second heals it. Callers never probe.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        probe_seconds: float,
        announce: Callable[[bool, str], None],
    ) -> None:
        """`announce` is told once when the server goes down, with the reason, and once when it is back."""
        self._connect = connect
        self._probe_seconds = probe_seconds
        self._announce = announce
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._healing: asyncio.Task[None] | None = None
        self.up = True
        self.why = ""
        self.connections = 0  # made so far

    async def call(self, commands: Sequence[Command], deadline: float) -> list[Reply]:
        """One reply for each command, by `deadline` (the loop's time). Raises Unavailable."""
        if not self.up:
            raise Unavailable(self.why)
        try:
            replies = await self._ask(commands, deadline)
        except Unavailable as error:
            self._fall(str(error))
            raise
        for reply in replies:
            if isinstance(reply, ReplyError) and fault_of(reply) == Fault.SERVER:
                self._fall(words_of(reply))
                break
        return replies

    async def open(self, deadline: float) -> None:
        """Connect and write once; what goes wrong makes the link down, and is announced."""
        try:
            await self.call([PROBE], deadline)
        except Unavailable:
            return

    async def close(self) -> None:
        """End the connection and the probes."""
        self.up, self.why = False, "closed"
        if self._healing:
            self._healing.cancel()
            await asyncio.wait([self._healing])
        if self._connection:
            self._connection.abort()

    async def _ask(self, commands: Sequence[Command], deadline: float) -> list[Reply]:
        connection = self._connection
        if connection and connection.usable:
            try:
                return await connection.call(commands, deadline)
            except Unavailable:  # closed while idle, or by a restart: every operation may be repeated
                if not self.up or asyncio.get_running_loop().time() >= deadline:
                    raise
        return await (await self._connected(deadline)).call(commands, deadline)

    async def _connected(self, deadline: float) -> Connection:
        try:
            async with asyncio.timeout_at(deadline), self._connecting:
                if not (self._connection and self._connection.usable):
                    self._connection = await self._connect()
                    self.connections += 1
                return self._connection
        except TimeoutError:
            raise Unavailable("no answer in time") from None

    def _fall(self, why: str) -> None:
        if self._connection:
            self._connection.abort()
        if self.up:
            self.up, self.why = False, why
            self._announce(False, why)
            self._healing = asyncio.create_task(self._heal())

    async def _heal(self) -> None:
        while not self.up:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                async with asyncio.timeout(self._probe_seconds):
                    self._connection = await self._probed()
            except TimeoutError:
                self.why = f"no answer within {self._probe_seconds:g} s"
            except Unavailable as error:
                self.why = str(error)
            else:
                self.up = True
                self.connections += 1
                self._announce(True, "")

    async def _probed(self) -> Connection:
        connection = await self._connect()
        reply = (await connection.call([PROBE]))[0]
        if isinstance(reply, ReplyError) and fault_of(reply) == Fault.SERVER:
            connection.abort()
            raise Unavailable(words_of(reply))
        return connection
