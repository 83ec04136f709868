"""The stores of a comparison: what Limpet is told of them, how they go away, what a session costs in them."""

import asyncio
import sqlite3
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any, Protocol
from urllib.parse import quote

from control.children import Child
from sessions.stores.redis.connection import Command, Connection, Reply, connect
from sessions.stores.redis.faults import Unavailable
from sessions.stores.redis.script import key_of
from sessions.stores.redis.url import parse_redis_url
from sessions.stores.store import StoreError

SAMPLE = 500  # sessions whose size is asked for
SECONDS = 5.0  # that a server has for an answer


class ComparedStore(Protocol):
    """`settings`: its section of the file. `described`: what it is, and what taking it away means."""

    settings: dict[str, str]
    described: str

    async def open(self) -> None:
        """Raises StoreError where it cannot be used."""

    async def take_away(self) -> None:
        """From now on Limpet cannot reach it."""

    async def bring_back(self) -> None: ...

    async def bytes_per_session(self, sessions: Collection[str]) -> float | None:
        """What it keeps these with; None where it does not tell."""

    async def versions(self, sessions: Sequence[str]) -> list[int]:
        """The version that it has of each; 0: none."""

    async def close(self, sessions: Collection[str]) -> None:
        """Nothing of these is left behind."""


class FileStore:
    """Limpet's embedded store has no process to kill: the directory of its file is taken away."""

    described = (
        "a file of Limpet's own; it has no process to kill, so its directory was moved away, as if the disk"
        " had gone"
    )

    def __init__(self, folder: Path) -> None:
        self._place, self._elsewhere = folder / "store", folder / "store.gone"
        self._file = self._place / "sessions.db"
        self.settings = {"embedded": str(self._file)}

    async def open(self) -> None:
        self._place.mkdir()

    async def take_away(self) -> None:
        self._place.rename(self._elsewhere)

    async def bring_back(self) -> None:
        self._elsewhere.rename(self._place)

    async def bytes_per_session(self, sessions: Collection[str]) -> float | None:
        return await asyncio.to_thread(self._used) / len(sessions)

    async def versions(self, sessions: Sequence[str]) -> list[int]:
        held = dict(await asyncio.to_thread(self._rows, "SELECT id, version FROM sessions"))
        return [int(held.get(name, 0)) for name in sessions]

    async def close(self, sessions: Collection[str]) -> None:
        """The directory goes with everything else."""

    def _used(self) -> int:
        """Bytes of the pages in use, those still in the write-ahead log too."""
        pages, free, size = (
            self._rows(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(f"file:{quote(str(self._file))}?mode=ro", uri=True)
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()


class RedisStore:
    """Somebody's Redis, which is not to be harmed: Limpet reaches it through a relay, and that is killed."""

    def __init__(self, url: str, folder: Path) -> None:
        """`url`: of one server, without TLS."""
        self._url = parse_redis_url(url)
        place = self._url.places[0]
        self.described = (
            f"the Redis at {place}, reached through a relay on this machine; that was killed (SIGKILL), the"
            " server was not touched"
        )
        self._folder = folder
        self._socket = folder / "relay"
        login = url.partition("://")[2].rpartition("@")[0]
        self.settings = {"redis": f"redis+unix://{login and login + '@'}{self._socket}?db={self._url.db}"}
        self._relay: Child | None = None

    async def open(self) -> None:
        try:
            [pong] = await self._ask(("PING",))
        except Unavailable as error:
            raise StoreError(f"{self._url.places[0]}: {error}") from None
        if isinstance(pong, Exception):
            raise StoreError(f"{self._url.places[0]}: {pong}")
        await self.bring_back()

    async def take_away(self) -> None:
        assert self._relay is not None
        await self._relay.kill()

    async def bring_back(self) -> None:
        place = self._url.places[0]
        log = self._folder / "relay.log"
        self._relay = await Child.start(log, "relay", str(self._socket), place.host, str(place.port))
        await self._relay.serving(self._listening)

    async def bytes_per_session(self, sessions: Collection[str]) -> float | None:
        asked: list[Command] = [("MEMORY", "USAGE", key_of(name)) for name in islice(sessions, SAMPLE)]
        sizes = [reply for reply in await self._ask(*asked) if isinstance(reply, int)]
        return mean(sizes) if sizes else None

    async def versions(self, sessions: Sequence[str]) -> list[int]:
        replies = await self._ask(*[("HGET", key_of(name), "version") for name in sessions])
        return [int(reply) if isinstance(reply, bytes) else 0 for reply in replies]

    async def close(self, sessions: Collection[str]) -> None:
        if self._relay is not None:
            await self._relay.stop()
        names = list(sessions)
        for first in range(0, len(names), SAMPLE):
            await self._ask(*[("DEL", key_of(name)) for name in names[first : first + SAMPLE]])

    async def _listening(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(str(self._socket))
        except OSError:
            return False
        writer.close()
        return True

    async def _ask(self, *commands: Command) -> list[Reply]:
        """Raises Unavailable."""
        async with asyncio.timeout(SECONDS):
            connection: Connection = await connect(self._url.places[0], self._url.login, self._url.db, None)
            try:
                return await connection.call(commands)
            finally:
                connection.abort()


def make_store(url: str, folder: Path) -> ComparedStore:
    """By the URL of a Redis; the file for ""."""
    return RedisStore(url, folder) if url else FileStore(folder)
