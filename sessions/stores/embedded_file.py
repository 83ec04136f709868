"""The file of the embedded store, as its own thread sees it: SQLite, one transaction for each batch."""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from sessions.stores.rule import put_status
from sessions.stores.store import End, Fence, Get, Operation, Outcome, Put, Status, StoreError, Touch

LAYOUT = 1  # PRAGMA user_version of the files that this code writes
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, fence INTEGER NOT NULL, node TEXT NOT NULL,
    ended INTEGER NOT NULL, written REAL NOT NULL, expires REAL NOT NULL, state BLOB
);
CREATE INDEX IF NOT EXISTS by_expiry ON sessions (expires);
"""
FIND = "SELECT version, fence, node, ended FROM sessions WHERE id = ? AND expires > ?"
KEEP = """
INSERT INTO sessions (id, version, fence, node, ended, written, expires, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, fence = excluded.fence, node = excluded.node,
    ended = excluded.ended, written = excluded.written, state = excluded.state,
    expires = max(expires, excluded.expires)
"""
FENCE = "UPDATE sessions SET fence = ?, expires = max(expires, ?) WHERE id = ?"
TOUCH = "UPDATE sessions SET expires = max(expires, ?) WHERE id = ?"
STATE = "SELECT state FROM sessions WHERE id = ?"
SWEEP = "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expires <= ? LIMIT ?)"
SWEEP_ROWS = 200
LARGE_WAL_BYTES = 16_000_000
LONGEST_WAL_PAGES = 16_000  # of 4 KiB: 64 MB

Synchronous = Literal["NORMAL", "FULL"]


class Held(NamedTuple):
    """What the file holds of a session, without its state."""

    version: int = 0
    fence: int = 0
    node: str = ""
    ended: int = 0


NOTHING = Held()


def bring_to_disk(path: Path) -> None:
    """Bring what was written to disk, while others write on. Used by a thread of its own: it takes as long.

    The write-ahead log is enough for that. Brought into the file only when it is large: whoever writes next
    begins it anew, and has to wait for the disk, as one write in ten did where few were made.
    """
    with suppress(OSError):  # the writer notices what matters
        log = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(log)
            large = os.fstat(log).st_size > LARGE_WAL_BYTES
        finally:
            os.close(log)
        if large:
            checkpoint(path)


def checkpoint(path: Path) -> None:
    """Bring what is in the write-ahead log to disk and into the file; what can be done without waiting."""
    with suppress(sqlite3.Error):  # busy, full, removed: the writer notices what matters
        db = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None)
        try:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            db.close()


class SessionFile:
    """One SQLite file in WAL mode, shared by the processes of a machine. Used by one thread."""

    def __init__(self, path: Path, synchronous: Synchronous, busy_seconds: float) -> None:
        """Open or make the file. Raises StoreError where it can never work."""
        self._path = path
        self._busy_seconds = busy_seconds
        try:
            # The states of users: nobody else reads them. SQLite gives its -wal and -shm the same mode.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            status = os.fstat(descriptor)
            os.close(descriptor)
            self._identity = (status.st_dev, status.st_ino)
            self._db = sqlite3.connect(
                path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from error
        try:
            self._prepare(synchronous)
        except (StoreError, sqlite3.Error) as error:
            self._db.close()
            raise StoreError(f"{path}: {error}") from error

    def _prepare(self, synchronous: Synchronous) -> None:
        # SQLite itself does not wait here: of two who make the file at once, each would wait for the other.
        mode = self._alone("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError("the file needs SQLite's WAL mode, which its file system does not allow")
        self._db.execute(f"PRAGMA synchronous = {synchronous}")
        self._begin()
        layout = self._db.execute("PRAGMA user_version").fetchone()[0]
        if layout not in (0, LAYOUT):
            raise StoreError(f"the file has layout {layout}, this Limpet writes {LAYOUT}: use another file")
        for statement in SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {LAYOUT}")
        self._db.execute("COMMIT")
        # `bring_to_disk` does this in another thread, for its fsync held up one write in a hundred for 17 ms
        # and more. Only where that cannot keep up, the writer does it itself.
        self._db.execute("PRAGMA journal_size_limit = 0")  # so that the log's size tells what is in it
        self._db.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_WAL_PAGES}")
        # Waiting for another process is done in _begin: SQLite's own way sleeps for up to 100 ms.
        self._db.execute("PRAGMA busy_timeout = 0")

    def run(self, batch: Sequence[Operation], now: float) -> list[Outcome]:
        """One outcome for each, all of it on file. Raises sqlite3.Error, and then nothing is."""
        self._begin()
        try:
            outcomes = [self._do(operation, now) for operation in batch]
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return outcomes

    def read(self, operation: Get, now: float) -> Outcome:
        """What is held, also while nothing can be written. Raises sqlite3.Error."""
        return self._do(operation, now)

    def sweep(self, now: float) -> bool:
        """Remove some that have expired; whether there may be more. Raises sqlite3.Error if it cannot now."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            removed = self._db.execute(SWEEP, (now, SWEEP_ROWS)).rowcount
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return removed == SWEEP_ROWS

    @property
    def in_place(self) -> bool:
        """Whether the path still leads to this file, and not to another one or to none."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def close(self) -> None:
        """Close the file; the last process to do so tidies it."""
        self._db.close()

    def _begin(self) -> None:
        """Become the one that writes. Raises sqlite3.OperationalError after `busy_seconds`."""
        self._alone("BEGIN IMMEDIATE")

    def _alone(self, statement: str) -> sqlite3.Cursor:
        """Execute what one process can at a time. Raises sqlite3.OperationalError after `busy_seconds`."""
        deadline = time.monotonic() + self._busy_seconds
        pause = 0.0002  # a batch of one takes another process 0.2 ms
        while True:
            try:
                return self._db.execute(statement)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 1.5, 0.002)

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # SQLite has done so itself where the disk is full
            self._db.execute("ROLLBACK")

    def _do(self, operation: Operation, now: float) -> Outcome:
        row = self._db.execute(FIND, (operation.id, now)).fetchone()
        held = Held(*row) if row else NOTHING
        if isinstance(operation, End):
            self._keep(operation.id, Held(ended=1), now, operation.ttl_seconds, None)
            return Outcome(Status.TAKEN)
        if held.ended:
            return Outcome(Status.ENDED)
        match operation:
            case Put():
                return self._put(operation, held, now)
            case Fence():
                return self._fence(operation, held, now)
            case Touch():
                if held.version:
                    self._db.execute(TOUCH, (now + operation.ttl_seconds, operation.id))
                return self._outcome(Status.TAKEN if held.version else Status.UNKNOWN, held)
            case Get():
                if not held.version:
                    return self._outcome(Status.UNKNOWN, held)
                return self._outcome(Status.TAKEN, held, self._state(operation.id))

    def _put(self, put: Put, held: Held, now: float) -> Outcome:
        same = put.version == held.version and self._state(put.id) == put.state
        status = put_status(put, held.version, held.fence, held.node, same)
        if status == Status.CONFLICT:
            return self._outcome(status, held)
        if same or status == Status.SUPERSEDED:
            self._db.execute(TOUCH, (now + put.ttl_seconds, put.id))
            return self._outcome(status, held)
        held = Held(put.version, held.fence, put.node)
        self._keep(put.id, held, now, put.ttl_seconds, put.state)
        return self._outcome(status, held)

    def _fence(self, fence: Fence, held: Held, now: float) -> Outcome:
        if fence.number <= max(held.version, held.fence):
            return self._outcome(Status.CONFLICT, held)
        fenced = Held(held.version, fence.number, held.node)
        if held is NOTHING:
            self._keep(fence.id, fenced, now, fence.ttl_seconds, None)
            return self._outcome(Status.TAKEN, fenced)
        self._db.execute(FENCE, (fence.number, now + fence.ttl_seconds, fence.id))
        return self._outcome(Status.TAKEN, fenced, self._state(fence.id))

    def _keep(self, session_id: str, held: Held, now: float, ttl_seconds: float, state: bytes | None) -> None:
        self._db.execute(KEEP, (session_id, *held, now, now + ttl_seconds, state))

    def _state(self, session_id: str) -> bytes:
        return bytes(self._db.execute(STATE, (session_id,)).fetchone()[0] or b"")

    def _outcome(self, status: Status, held: Held, state: bytes = b"") -> Outcome:
        return Outcome(status, held.version, held.fence, held.node, state)
