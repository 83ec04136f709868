"""A Redis with a replica, and a Sentinel that watches them: one fails over to the other and back."""

import asyncio
from pathlib import Path
from typing import Protocol

from tests.sessions.stores.processes import RedisProcess
from tests.survival.processes import until

_NAME = "sessions"
_SETTINGS = (
    f"sentinel down-after-milliseconds {_NAME} 500",
    f"sentinel failover-timeout {_NAME} 2000",  # the next one follows after twice that at the soonest
)


class Redis(Protocol):
    """What a stage needs of the servers behind its store."""

    @property
    def url(self) -> str: ...

    def ask(self, *words: str | int | bytes) -> object: ...

    def stop(self) -> None: ...


class Watched:
    """A master, a replica and a Sentinel."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self._settings = settings
        self.master = RedisProcess(folder / "one", *settings)
        self.replica = RedisProcess(folder / "two", *settings, *_replica_of(self.master))
        watch = f"sentinel monitor {_NAME} 127.0.0.1 {self.master.port} 1"
        self.sentinel = RedisProcess(folder / "sentinel", watch, *_SETTINGS, sentinel=True)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{_NAME}/0"

    def ask(self, *words: str | int | bytes) -> object:
        """The master's reply."""
        return self.master.ask(*words)

    def stop(self) -> None:
        for server in (self.sentinel, self.replica, self.master):
            server.stop()

    async def ready(self) -> None:
        """Wait until the replica has everything, and the Sentinel knows of it.

        Where the machine had no time for a server, the Sentinel has failed over once more by itself.
        """
        await until(lambda: b"slaves=1,sentinels=1" in self._info(self.sentinel, "sentinel"), "it is known")
        await until(self._follows, "it follows")

    async def failed_over(self) -> None:
        """Wait until the replica is the master."""
        await until(lambda: self._told(self.replica), "the Sentinel has another master")
        await until(lambda: b"role:master" in self._info(self.replica, "replication"), "it is the master")
        self.master, self.replica = self.replica, self.master

    async def follow(self) -> None:
        """The old master comes back, after SIGKILL, as a replica."""
        self.replica.settings = (*self._settings, *_replica_of(self.master))
        await asyncio.to_thread(self.replica.start)

    def _follows(self) -> bool:
        if self._told(self.replica):
            self.master, self.replica = self.replica, self.master
        return b"master_link_status:up" in self._info(self.replica, "replication")

    def _told(self, server: RedisProcess) -> bool:
        """Whether that is the master, as the Sentinel has it."""
        place = self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", _NAME)
        return place == [b"127.0.0.1", str(server.port).encode()]

    def _info(self, server: RedisProcess, section: str) -> bytes:
        """What it tells; nothing while it starts, or breaks off with whoever asks."""
        try:
            told = server.ask("INFO", section)
        except (OSError, AssertionError):
            return b""
        return told if isinstance(told, bytes) else b""


def _replica_of(master: RedisProcess) -> tuple[str, ...]:
    return "--replicaof", f"127.0.0.1 {master.port}"
