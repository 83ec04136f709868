"""Keeps the records of all processes of a node in a file: SQLite, one transaction for each change."""

import os
import re
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from limpet_session.byte_locks import ByteLocks
from limpet_session.crossing import LockedCrossing
from limpet_session.record import Record
from limpet_session.shared_file import USERS, open_shared
from limpet_session.storage import PairRule, Rule, T

V = TypeVar("V")
Row = tuple[Any, ...]

GRACE = 5.0  # seconds that a record is kept longer than it must be, so that not every request has to write
SWEEP_SECONDS = 1.0
SWEEP_ROWS = 200
TOUCH_SECONDS = 3600.0
FIND = """
SELECT ttl, expires, version, state, since, began, fence, ended FROM sessions WHERE id = ? AND expires > ?
"""
KEEP = "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PAGE = """
SELECT id, ttl, expires, version, x'', since, began, fence, ended FROM sessions
WHERE id > ? AND expires > ? AND (version > 0 OR ended) ORDER BY id LIMIT ?
"""
SWEEP = "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expires <= ? LIMIT ?)"


class FileStorage:
    """Fills `storage.Storage` for several processes of one machine, and for their restarts.

    The file is never brought to disk on purpose: it outlives processes, killed ones too, and is begun anew
    when the machine has been started since, as is the monotonic clock (elsewhere than on Linux, when a node
    starts as a whole). It belongs on a disk of the machine, or in its memory.
    """

    blocking = True

    def __init__(self, path: str | os.PathLike[str], busy_seconds: float = 5.0) -> None:
        """`busy_seconds`: how long to wait for other processes before sqlite3.OperationalError is raised.

        Raises ValueError where there is no such directory. The file is made when it is used.
        """
        self._path = Path(path)
        if not self._path.parent.is_dir():
            raise ValueError(f"{self._path.parent} must be a directory, in which the sessions are to be kept")
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._sweep_at = self._touch_at = 0.0
        self.locks = ByteLocks(Path(f"{self._path}.lock"))
        self.crossing = LockedCrossing(self.locks)
        _STORAGES.add(self)

    @property
    def name(self) -> str:
        with self._lock:
            return str(self._ask("SELECT name FROM made", ())[0][0])

    def change(self, session_id: str, now: float, rule: Rule[T]) -> T:
        with self._lock:
            # Most requests only read: they make nobody wait.
            record = self._find(session_id, now)
            kept, result = rule(record)
            if kept is None or kept == record:
                return result
            return self._write(lambda db: self._change(db, session_id, now, rule))

    def renew(self, old_id: str, new_id: str, now: float, rule: PairRule[T]) -> T:
        def work(db: sqlite3.Connection) -> T:
            record = self._find(old_id, now)
            old, new, result = rule(record)
            for name, kept in ((old_id, old), (new_id, new)):
                if kept is not None:
                    _keep(db, name, kept, record if name == old_id else None)
            return result

        with self._lock:
            return self._write(work)

    def find(self, session_id: str, now: float) -> Record | None:
        with self._lock:
            return self._find(session_id, now)

    def page(self, after: str, limit: int, now: float) -> list[tuple[str, Record]]:
        with self._lock:
            rows = self._ask(PAGE, (after, now, limit))
            return [(row[0], _record(row[1:])) for row in rows]

    def close(self) -> None:
        """Done with the file, until it is used again."""
        with self._lock:
            self._shut()

    # With the lock held

    def _change(self, db: sqlite3.Connection, session_id: str, now: float, rule: Rule[T]) -> T:
        record = self._find(session_id, now)
        kept, result = rule(record)
        if kept is not None:
            _keep(db, session_id, kept, record)
        if now >= self._sweep_at:
            full = db.execute(SWEEP, (now, SWEEP_ROWS)).rowcount == SWEEP_ROWS
            self._sweep_at = now if full else now + SWEEP_SECONDS
            self._touch(now)
        return result

    def _touch(self, now: float) -> None:
        """Whoever tidies a directory of temporary files must not take these for forgotten ones."""
        if now >= self._touch_at:
            self._touch_at = now + TOUCH_SECONDS
            for name in ("", "-wal", "-shm", ".lock"):
                with suppress(OSError):
                    os.utime(f"{self._path}{name}")

    def _find(self, session_id: str, now: float) -> Record | None:
        rows = self._ask(FIND, (session_id, now))
        return _record(rows[0]) if rows else None

    def _ask(self, query: str, values: tuple[str | float, ...]) -> list[Row]:
        db = self._opened()
        return self._patiently(lambda: db.execute(query, values).fetchall())

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do it as one transaction, or not at all."""
        db = self._opened()
        self._patiently(lambda: db.execute("BEGIN IMMEDIATE"))
        try:
            result = work(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # SQLite has rolled back itself where the disk is full
                db.execute("ROLLBACK")
            raise
        return result

    def _patiently(self, ask: Callable[[], V]) -> V:
        """Ask again while another process is in the way. SQLite's own way to wait sleeps for up to 100 ms."""
        until, pause = time.monotonic() + self._busy_seconds, 0.0002
        while True:
            try:
                return ask()
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() >= until:
                    raise
            time.sleep(pause)  # nothing tells when SQLite's lock is free
            pause = min(pause * 1.5, 0.002)

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_shared(self._path, self.locks, self._busy_seconds)
            self._db.execute("PRAGMA busy_timeout = 0")  # from now on, see `_patiently`
        return self._db

    def _shut(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
            self.locks.free(USERS)

    # Round a fork, which no connection of SQLite's survives

    def before_fork(self) -> None:
        """Close it, and let no thread open it until the fork is over."""
        self._lock.acquire()
        self._shut()

    def after_fork(self) -> None:
        """In both processes."""
        self._lock.release()


def file_for(name: str) -> Path:
    """The file of a node by its endpoint, in a directory of this user's. Raises OSError, ValueError."""
    folder = Path(tempfile.gettempdir(), f"limpet-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ValueError(f"{folder} must be a directory that only this user can use: say file= instead")
    return folder / f"{re.sub('[^A-Za-z0-9.-]', '_', name)}.db"


def _record(row: Row) -> Record:
    return Record._make((*row[:7], bool(row[7])))


def _keep(db: sqlite3.Connection, session_id: str, kept: Record, held: Record | None) -> None:
    later = held is None or kept.expires > held.expires
    *values, ended = kept._replace(expires=kept.expires + GRACE) if later else kept
    db.execute(KEEP, (session_id, *values, int(ended)))


_STORAGES: WeakSet[FileStorage] = WeakSet()
_forking: list[FileStorage] = []


def _before_fork() -> None:
    _forking[:] = list(_STORAGES)
    for storage in _forking:
        storage.before_fork()


def _after_fork() -> None:
    for storage in _forking:
        storage.after_fork()
    _forking.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
