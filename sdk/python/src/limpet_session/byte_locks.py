"""Locks between the processes of a node: bytes of a file, which a process that dies gives back at once."""

import fcntl
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path


class ByteLocks:
    """POSIX record locks (fcntl(2)) on a file that holds nothing. All of it raises OSError.

    They belong to the process, not to a thread or to this object, so the threads of a process have to agree
    among themselves; a child made by fork has none. The file is never closed: closing any descriptor of it
    would give back all locks of the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _file(self) -> int:
        """Only once it is needed: whoever merely imports the app, as another user perhaps, makes no file."""
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self, at: int) -> bool:
        """Hold byte `at` together with others; False: one has it alone."""
        return self._lock(fcntl.LOCK_SH | fcntl.LOCK_NB, at)

    def take(self, at: int) -> bool:
        """Hold it alone; False: others have it. This process's own share becomes this."""
        return self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB, at)

    def free(self, at: int) -> None:
        """Give it back, whichever way it was held."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, at)

    def _lock(self, how: int, at: int) -> bool:
        with suppress(BlockingIOError, PermissionError):  # EAGAIN, or EACCES on some systems
            fcntl.lockf(self._file, how, 1, at)
            return True
        return False
