"""Puts lines into a file while the event loop never waits: a thread writes, and what is too much is lost."""

import collections
import logging
import os
import stat
import time
from select import PIPE_BUF

from control.gathering import Gathering

logger = logging.getLogger("limpet.access")

STANDARD_OUTPUT = "-"
NEWLINE = 10
GATHER_SECONDS = 0.05  # how long lines gather into one write
COMPLAIN_SECONDS = 60.0  # at most one complaint about lost lines in this time


class LineWriter:
    """A bounded queue of lines and the thread that writes them.

    `write` never blocks: where the queue is full, or the disk is, or the reader of standard output has gone,
    lines are lost, counted in `lost` and complained about once a minute. Raises OSError where the file cannot
    be opened at the start.
    """

    def __init__(self, path: str, limit: int = 10_000, shared: bool = False) -> None:
        """`shared`: other processes write to the same file, so that each write is to be whole lines."""
        self.lost = 0
        self._path = path
        self._limit = limit
        self._lines: collections.deque[bytes] = collections.deque()
        self._overflowed = 0  # written by the event loop's thread only
        self._failed = 0  # written by the writer's thread only
        self._torn = False  # the last line in the file is not whole
        self._reopening = False
        self._complained: tuple[int, float] = (0, -COMPLAIN_SECONDS)
        self._shared = shared
        self._file = self._open()
        self._gathering = Gathering("access-log", GATHER_SECONDS, self._turn)

    @property
    def path(self) -> str:
        return self._path

    def write(self, line: bytes) -> None:
        """Queue one line, its newline included. Called on the event loop."""
        if len(self._lines) >= self._limit:
            self._overflowed += 1
            return
        self._lines.append(line)
        self._gathering.came()

    def reopen(self) -> None:
        """Go on in a new file of the same name: the old one has been moved away."""
        self._reopening = True
        self._gathering.came()

    def close(self, timeout: float = 2.0) -> None:
        """Write what is queued, for at most `timeout` seconds."""
        if self._gathering.close(timeout) and self._path != STANDARD_OUTPUT:
            os.close(self._file)

    def _open(self) -> int:
        if self._path == STANDARD_OUTPUT:
            return 1
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _turn(self) -> None:
        if self._reopening:
            self._reopening = False
            self._change_file()
        self._put([self._lines.popleft() for _ in range(len(self._lines))])
        self.lost = self._overflowed + self._failed

    def _change_file(self) -> None:
        try:
            new = self._open()
        except OSError as error:
            logger.warning("cannot reopen %s: %s; going on in the old file", self._path, error.strerror)
            return
        if new != self._file:
            os.close(self._file)
            self._file, self._torn = new, False

    def _put(self, lines: list[bytes]) -> None:
        left = memoryview((b"\n" if self._torn and lines else b"") + b"".join(lines))
        why = "the queue is full"
        try:
            while left:
                written = os.write(self._file, left[: self._most(left)])
                self._torn = left[written - 1] != NEWLINE
                left = left[written:]
        except OSError as error:
            self._failed += min(bytes(left).count(b"\n"), len(lines))
            why = error.strerror or "unknown error"
        self._complain(why)

    def _most(self, left: memoryview) -> int:
        """How much to write at once: what others write comes between two writes, and nowhere else.

        A file that is appended to takes any length as one; what is not a file only PIPE_BUF (pipe(7)).
        """
        if not self._shared or len(left) <= PIPE_BUF or stat.S_ISREG(os.fstat(self._file).st_mode):
            return len(left)
        return bytes(left[:PIPE_BUF]).rfind(b"\n") + 1 or bytes(left).find(b"\n") + 1

    def _complain(self, why: str) -> None:
        told, when = self._complained
        lost = self._overflowed + self._failed
        now = time.monotonic()
        if lost > told and now - when >= COMPLAIN_SECONDS:
            self._complained = (lost, now)
            logger.warning("%d lines of the access log are lost: %s", lost - told, why)
