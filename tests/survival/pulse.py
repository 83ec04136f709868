"""Feels the pulse of everything that runs: where the machine has no time for it, silence is nobody's fault.

What is lost counts always. But whether a node was unjustly taken for dead cannot be told while the machine
keeps it from answering.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.survival.processes import Process
from tests.survival.wire import Connection

_PAUSE = 0.15  # seconds between two beats
LATE = 0.25  # seconds: with answers as late as this, a probe or a copy can take a second
_BEAT = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

Late = Callable[[float, float, str], None]


class Pulse:
    """`late` is told from when to when somebody answered nothing, though nothing had been done to them."""

    def __init__(
        self, beating: Iterable[tuple[Process, int]], late: Late, written: Path | None = None
    ) -> None:
        """`beating`: processes, each with a port on which it answers /healthz; `written`: where a store's
        file is, and waits for the disk."""
        self._tasks = [asyncio.create_task(self._feel(process, port)) for process, port in beating]
        if written is not None:
            self._tasks.append(asyncio.create_task(self._feel_disk(written / "pulse")))
        self._late = late

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _feel(self, process: Process, port: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, touched = loop.time(), process.touched
            answered = await _beats(port)
            # A pause that lasts too long is the machine's, too: then these clients did not get their time.
            await asyncio.sleep(_PAUSE)
            if answered and touched == process.touched and loop.time() - began > LATE + _PAUSE:
                self._late(began, loop.time(), process.name)

    async def _feel_disk(self, path: Path) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.to_thread(_write, path)
            if loop.time() - began > LATE:
                self._late(began, loop.time(), "the disk")
            await asyncio.sleep(_PAUSE)


def _write(path: Path) -> None:
    with path.open("wb") as file:
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())


async def _beats(port: int) -> bool:
    """Whether it answers at all, on a connection of its own, as a probe has it."""
    try:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    except OSError:
        return False
    reply = await connection.request(_BEAT)
    connection.close()
    return reply.status == 200
