"""Starting the demo's processes, knowing when they serve, and ending them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

START_SECONDS = 20.0
STOP_SECONDS = 8.0
POLL_SECONDS = 0.05


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


class Child:
    """A process of the demo, in a process group of its own so that Ctrl-C reaches the demo alone."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, log: Path, *arguments: str) -> "Child":
        """Starts `control.demo.child` with `arguments`, its output in the file `log`."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # or a directory named `config` where the user stands would be found before ours
                "-m",
                "control.demo.child",
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
        """Returns when `ready` says so; DemoError with its last words if it ended or took too long."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await ready():
            if self.pid is None or asyncio.get_running_loop().time() > deadline:
                raise DemoError(f"a process did not start: {self._last_words()}")
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
        """Closes the pipe, as the end of the demo does; the child then ends by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip()[-800:] or "it said nothing"
