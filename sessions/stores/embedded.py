"""The store in a file of this machine, with a thread of its own: no file is touched from the event loop."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sessions.stores.complaints import Complaints
from sessions.stores.embedded_file import SessionFile, Synchronous, bring_to_disk, checkpoint
from sessions.stores.store import Get, Operation, Outcome, Status, StoreError, failed

logger = logging.getLogger("limpet.stores")
SWEEP_SECONDS = 5.0
DISK_SECONDS = 0.5


class EmbeddedStore:
    """Sessions in an SQLite file, shared by all processes of a machine and kept across restarts.

    Fills `sessions.stores.store.Store`. With synchronous NORMAL an acknowledged write outlives the
    process and its kill -9, and a power cut can take those of the last second; with FULL it outlives that.
    Open it after a fork, never before.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        timeout_seconds: float = 1.0,
        synchronous: Synchronous = "NORMAL",
        sweep_seconds: float = SWEEP_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives unix seconds: expiry is by wall clock, for the file outlives the process."""
        self.name = name
        self.up = True
        self.connections = 0  # to a file, which forgets nothing
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._synchronous = synchronous
        self._sweep_seconds = sweep_seconds
        self._clock = clock
        self._complaints = Complaints(name)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"store-{name}")
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"disk-{name}")
        self._file: SessionFile | None = None
        self._unsynced = False
        self._broken = ""
        self._under_way: asyncio.Future[list[Outcome]] | None = None
        self._chores: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Open or make the file. Raises StoreError where it cannot be one."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._opened)
        self._chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._bring_to_disk())]

    async def run(self, batch: Sequence[Operation]) -> list[Outcome]:
        if self._under_way and not self._under_way.done():
            return failed(batch, "the file is still busy with what was asked before")
        self._under_way = asyncio.get_running_loop().run_in_executor(self._thread, self._run, batch)
        done, _ = await asyncio.wait([self._under_way], timeout=self._timeout_seconds)
        if not done:
            self._turn(f"no answer within {self._timeout_seconds:g} s")
            return failed(batch, "the file did not answer in time")
        self._turn(self._broken)
        outcomes = self._under_way.result()
        for outcome in outcomes:
            if outcome.status == Status.FAILED and self.up:
                self._complaints.say(outcome.why)
        return outcomes

    async def advice(self) -> list[str]:
        return []

    async def close(self) -> None:
        for chore in self._chores:
            chore.cancel()
        if self._chores:
            await asyncio.wait(self._chores)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._disk, checkpoint, self._path)
        await loop.run_in_executor(self._thread, self._shut)
        for executor in (self._disk, self._thread):
            executor.shutdown(wait=False)

    def _turn(self, broken: str) -> None:
        """Down with the reason, or up; one log line for each change."""
        if broken and self.up:
            logger.warning("store %s is down: %s: %s", self.name, self._path, broken)
        elif not broken and not self.up:
            logger.info("store %s works again", self.name)
        self.up = not broken

    async def _sweep(self) -> None:
        """Remove what has expired in small steps, between which batches get their turn; notice healing."""
        while True:
            await asyncio.sleep(self._sweep_seconds)
            more = True
            while more:
                more = await asyncio.get_running_loop().run_in_executor(self._thread, self._sweep_once)
                self._turn(self._broken)

    async def _bring_to_disk(self) -> None:
        """What was written, beside the thread that writes."""
        while True:
            await asyncio.sleep(DISK_SECONDS)
            if self._unsynced:
                self._unsynced = False
                await asyncio.get_running_loop().run_in_executor(self._disk, bring_to_disk, self._path)

    # Called in the thread

    def _opened(self) -> SessionFile:
        if self._file is None:
            self._file = SessionFile(self._path, self._synchronous, self._timeout_seconds * 0.8)
        return self._file

    def _run(self, batch: Sequence[Operation]) -> list[Outcome]:
        now = self._clock()
        try:
            outcomes = self._opened().run(batch, now)
            self._unsynced = True
        except (sqlite3.Error, StoreError) as error:
            return self._salvage(batch, now, str(error))
        self._broken = ""
        return outcomes

    def _salvage(self, batch: Sequence[Operation], now: float, why: str) -> list[Outcome]:
        """The outcomes where nothing was written: what can be read is read, else the file is given up."""
        outcomes = failed(batch, why)
        try:
            file = self._opened()
            file.read(Get(""), now)
            for at, operation in enumerate(batch):
                if isinstance(operation, Get):
                    outcomes[at] = file.read(operation, now)
            self._broken = ""
        except (sqlite3.Error, StoreError) as error:
            self._broken = str(error)
            self._shut()
        return outcomes

    def _sweep_once(self) -> bool:
        """Whether there may be more to remove."""
        if self._file and not self._file.in_place:
            logger.warning("store %s: %s was removed or replaced: a new one is begun", self.name, self._path)
            self._shut()
        try:
            more = self._opened().sweep(self._clock())
        except (sqlite3.Error, StoreError) as error:
            self._salvage((), self._clock(), str(error))
            return False
        self._broken = ""
        return more

    def _shut(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
