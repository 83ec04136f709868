"""Processes that `limpet demo` and `limpet compare` start: knowing when they serve, and ending them."""

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import Awaitable, Callable
from itertools import chain, cycle, islice
from pathlib import Path

START_SECONDS = 20.0
STOP_SECONDS = 8.0
POLL_SECONDS = 0.05
# Below those that systems give to whoever connects, or wants any: one of these would not stay free for long.
SPARE_PORTS = range(28_000, 32_768)
_spare = cycle(random.sample(SPARE_PORTS, len(SPARE_PORTS)))  # who got one may not listen yet


class NotStarted(Exception):
    """A process does not serve; the message holds its last words."""


class Child:
    """A process in a process group of its own, so that Ctrl-C reaches only the command that started it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, log: Path, *arguments: str) -> "Child":
        """Starts `control.child` with `arguments`, its output in the file `log`."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # or a directory named `config` where the user stands would be found before ours
                "-m",
                "control.child",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def pid(self) -> int | None:
        """None once it has ended."""
        return self._process.pid if self._process.returncode is None else None

    async def serving(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Returns when `ready` says so; NotStarted with its last words if it ended or took too long."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await ready():
            if self.pid is None or asyncio.get_running_loop().time() > deadline:
                raise NotStarted(f"a process did not start: {self._last_words()}")
            await asyncio.sleep(POLL_SECONDS)

    async def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        if self.pid is not None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ends it in order (SIGTERM), by force if it takes too long."""
        if self.pid is not None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def ended(self) -> None:
        """Returns when it has ended, whoever ended it."""
        await self._process.wait()

    def let_go(self) -> None:
        """Closes the pipe, as the end of this process does; the child then ends by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip()[-800:] or "it said nothing"


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there on this machine, otherwise (and for 0) one that is free."""
    for port in chain([wanted] if wanted else [], islice(_spare, len(SPARE_PORTS))):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port on 127.0.0.1")
