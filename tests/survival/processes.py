"""The processes of a run: nodes and Limpets, each on a port of its own and ended by its own id."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import yaml

from tests.examples.running import ROOT, free_port

PATIENCE = 120.0  # seconds that anything may take on a busy machine; nothing waits for it to pass


class Process:
    """Something that can be killed, frozen and started again on the same ports."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.frozen = False
        self.touched = 0  # how often something was done to it
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def id(self) -> int:
        """Of the process as it runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.touched += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(os.environ),
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a crash would. What is frozen dies, too."""
        self.touched += 1
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(PATIENCE)
            self.frozen = False

    async def stop(self) -> int:
        """In order; the exit code."""
        assert self._process is not None
        self.touched += 1
        self._process.terminate()
        await until(lambda: not self.alive, f"{self.name} ends")
        return self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        self.touched += 1
        self._signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        self.touched += 1
        if self._process is not None and self.alive:
            self._signal(signal.SIGCONT)
        self.frozen = False

    def kill_a_worker(self, random: Random) -> None:
        """One of the processes that it has forked."""
        assert self._process is not None
        master = self._process.pid
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        os.kill(int(random.choice(workers)), signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """To the process and those that it has started, unless it has ended."""
        assert self._process is not None
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def complaints(self) -> list[str]:
        """What it said of errors of its own."""
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        _, broken, rest = said.partition("Traceback (most recent call last)")
        return [f"{self.name} broke: {rest[-1500:]}"] if broken else []


class Node(Process):
    """An app server: as a rule it has forgotten everything when it starts again."""

    def __init__(self, name: str, folder: Path, command: Sequence[str]) -> None:
        """`command`: what starts it, with `{port}`, `{endpoint}` and `{folder}` where these go."""
        self.port, self.endpoint = free_port(), free_port()
        place = {"port": self.port, "endpoint": self.endpoint, "folder": folder}
        super().__init__(name, [word.format(**place) for word in command], folder)


class Limpet(Process):
    """A proxy with a YAML file of its own, to be written before it starts."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port, self.admin_port = free_port(), free_port()
        self.access_log = folder / f"{name}.access.log"
        self._file = folder / f"{name}.yaml"
        super().__init__(name, [sys.executable, "-m", "proxy", "run", "-c", str(self._file)], folder)

    def configure(self, settings: dict[str, object]) -> None:
        """Write the file that it reads when it starts the next time, or is told to."""
        own = {
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "access_log": {"format": "json", "file": str(self.access_log)},
        }
        self._file.write_text(yaml.safe_dump({**own, **settings}, sort_keys=False))

    def reload(self) -> None:
        """Have it read its file again."""
        os.kill(self.id, signal.SIGHUP)


async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for it, looking often; an AssertionError where it does not come."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"after {seconds} s still not so: {what}"
        await asyncio.sleep(0.05)
