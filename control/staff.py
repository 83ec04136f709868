"""Who serves the clients: this process itself, or others that it leads."""

import os
import time
from collections.abc import Sequence
from typing import Literal, Protocol, TypedDict

from proxy.engine import Engine


class WorkerFacts(TypedDict):
    """One process that serves clients, numbered from 1; `pid` and `since` (unix seconds): of the one that
    runs now, None while there is none. `restarts`: how many ended as this worker and were replaced."""

    worker: int
    state: Literal["serving", "starting", "ending", "ended"]
    pid: int | None
    since: float | None
    restarts: int
    connections: int
    inflight: int


class Staff(Protocol):
    """What the life of Limpet asks of them."""

    @property
    def clients(self) -> int:
        """How many connections clients have."""

    @property
    def pids(self) -> Sequence[int]:
        """The processes that serve."""

    @property
    def serving(self) -> int:
        """How many of them accept clients by now."""

    @property
    def restarts(self) -> int:
        """How many were started in the place of others that had ended."""

    def facts(self) -> list[WorkerFacts]:
        """Each of them, as it is now."""

    async def start(self) -> None:
        """Serve at the addresses that are listened on. Raises OSError."""

    async def follow(self) -> None:
        """The settings have changed, or what is listened on: returns when all go by it."""

    async def refresh(self) -> None:
        """Have the counters of this process's services say what all have counted until now."""

    def reopen(self) -> None:
        """Open the access log's file anew."""

    def stop(self, aside: bool) -> None:
        """Begin nothing new, but for clients that are there where another process serves from now on."""

    def cut(self) -> None:
        """Close every client at once."""

    async def end(self) -> None:
        """Returns when nobody serves any more."""


class Oneself:
    """This process serves, by its engine."""

    serving = 1
    restarts = 0

    def __init__(self, engine: Engine) -> None:
        self.pids = (os.getpid(),)
        self._engine = engine
        self._since = round(time.time(), 3)

    @property
    def clients(self) -> int:
        return len(self._engine.clients)

    def facts(self) -> list[WorkerFacts]:
        return [
            {
                "worker": 1,
                "state": "serving",
                "pid": self.pids[0],
                "since": self._since,
                "restarts": 0,
                "connections": self._engine.counters.connections,
                "inflight": sum(sum(service.everywhere) for service in self._engine.services.values()),
            }
        ]

    async def start(self) -> None:
        """The sites accept clients."""

    async def follow(self) -> None:
        """It did when the settings changed."""

    async def refresh(self) -> None:
        """They are."""

    def reopen(self) -> None:
        """The access log is this process's own."""

    def stop(self, aside: bool) -> None:
        if aside:
            self._engine.step_aside()
        else:
            self._engine.stop()

    def cut(self) -> None:
        self._engine.cut()

    async def end(self) -> None:
        """It ends with this process."""
