"""One worker as control sees it: its process, its channel, what it last said."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from control.workers.channel import Channel
from control.workers.messages import Counted, FromControl, FromWorker, Ping, Taken
from control.workers.report import Report

logger = logging.getLogger("limpet.workers")

MISSED = 10  # pings in a row without a word: it hangs
START_SECONDS = 60.0  # until it serves
END_SECONDS = 5.0  # for a process to end that has said good-bye


class Member:
    """A process that was started. `said` hears what is not about the process itself, `ended` its end."""

    def __init__(
        self,
        number: int,
        said: Callable[["Member", FromWorker], None],
        ended: Callable[["Member"], None],
    ) -> None:
        self.number = number
        self.sockets: set[str] = set()  # that it was given, by the names that `Sites` gives them
        self.known = False  # to serve
        self.plan = 0  # the last that it has taken
        self.leaving = False  # it accepts nobody any more
        self.counted = 0  # the last question that it answered
        self.report: Report | None = None
        self.began = time.monotonic()
        self.taken = asyncio.Event()  # something, of those
        self.over = asyncio.Event()
        self.code: int | None = None
        self._said = said
        self._ended = ended
        self._missed = 0
        self._channel: Channel | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "it was started"
        return self._process.pid

    @property
    def serving(self) -> bool:
        return self.plan > 0 and not self.leaving and not self.over.is_set()

    @property
    def word(self) -> Literal["serving", "starting", "ending", "ended"]:
        """How it is, for people."""
        if self.over.is_set():
            return "ended"
        return "ending" if self.leaving else "serving" if self.plan else "starting"

    async def start(self, env: Mapping[str, str]) -> None:
        """Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._process = await asyncio.to_thread(_spawn, theirs.fileno(), self.number + 1, env)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = Channel(ours, self._hear, self._closed)

    def send(self, message: FromControl, descriptors: Sequence[int] = ()) -> None:
        if self._channel is not None:
            self._channel.send(message, descriptors)

    def send_pickled(self, pickled: bytes) -> None:
        if self._channel is not None:
            self._channel.send_pickled(pickled)

    def ping(self) -> bool:
        """Ask whether it still goes round; False where it has not answered, or begun, for too long."""
        if not self.plan:
            return time.monotonic() - self.began < START_SECONDS
        self._missed += 1
        self.send(Ping())
        return self._missed <= MISSED

    def kill(self) -> None:
        """End it by force; `ended` hears of it."""
        if self._process is not None and self.code is None:
            self._process.send_signal(signal.SIGKILL)

    # Private

    def _hear(self, message: Any, descriptors: list[int]) -> None:
        self._missed = 0
        if isinstance(message, Taken):
            self.plan = message.number
        elif isinstance(message, Counted):
            self.report = message.report
            self.counted = max(self.counted, message.number)
        else:
            self._said(self, message)
            return
        self.taken.set()
        self.taken = asyncio.Event()
        if isinstance(message, Taken):
            self._said(self, message)

    def _closed(self) -> None:
        self._reaping = asyncio.create_task(self._reap())

    async def _reap(self) -> None:
        """Its end of the channel is closed: it ends, or has ended."""
        assert self._process is not None
        try:
            self.code = await asyncio.to_thread(self._process.wait, END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.code = await asyncio.to_thread(self._process.wait)
        self.over.set()
        self.taken.set()
        self._ended(self)


def _spawn(end: int, number: int, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    # -P: or a directory named `config` where the operator stands would be found before ours.
    command = [sys.executable, "-P", "-m", "control.workers.worker", str(end), str(number)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[end], env=env)


def cause(code: int | None) -> str:
    """Why a process ended, in words."""
    if code is None:
        return "it does not answer"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def environment(seed: int) -> dict[str, str]:
    """Ours; sessions have the same hash in all workers (`proxy/sightings.py`)."""
    return {**os.environ, "PYTHONHASHSEED": str(seed)}
