"""Opens the file that the processes of a node share: makes it where there is none, or none of this boot."""

import os
import secrets
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from limpet_session.byte_locks import ByteLocks

LAYOUT = 2
OWNER = 0x4C494D50  # "LIMP" as PRAGMA application_id, which is at byte 68 of a file of SQLite's
USERS = 0  # the byte of the lock file that every process shares while it has the file open
POLL_SECONDS = 0.005
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}
_REFUSED = "other processes use one of another version, or that was removed under them: end them first"
_OPENED: set[Path] = set()  # by this process or those that it was forked from
SCHEMA = f"""
PRAGMA application_id = {OWNER};
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, ttl INTEGER NOT NULL, expires REAL NOT NULL, version INTEGER NOT NULL,
    state BLOB NOT NULL, since INTEGER NOT NULL, began REAL NOT NULL, fence INTEGER NOT NULL,
    ended INTEGER NOT NULL
);
CREATE INDEX by_expiry ON sessions (expires);
CREATE TABLE made (boot TEXT NOT NULL, name TEXT NOT NULL);
"""


def open_shared(path: Path, locks: ByteLocks, seconds: float) -> sqlite3.Connection:
    """A connection; the byte `USERS` has to be given back when it is closed.

    The first process of a node to come looks at what there is; the others wait for that. Raises OSError or
    sqlite3.Error where the file cannot be used, and ValueError where it is somebody else's.
    """
    until = time.monotonic() + seconds
    boot = boot_id()
    while True:
        if locks.take(USERS):
            try:
                db = _first(path, boot)
            except BaseException:
                locks.free(USERS)
                raise
            locks.share(USERS)
            _OPENED.add(path)
            return db
        if locks.share(USERS):
            # Otherwise whoever was to look at it has died meanwhile, or it was removed.
            if prepared := _of_this_boot(path, boot):
                _OPENED.add(path)
                return prepared
            locks.free(USERS)
        if time.monotonic() >= until:
            raise sqlite3.OperationalError(f"{path}: {_REFUSED}")
        time.sleep(POLL_SECONDS)  # for the process that looks at the file first


def boot_id() -> str:
    """Of the machine, since it was started; "" where there is none to be had."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _first(path: Path, boot: str) -> sqlite3.Connection:
    """Nobody else has it open. What an earlier boot has left may be broken, and its times mean nothing."""
    _refuse_others(path)
    if (boot or path in _OPENED) and (db := _of_this_boot(path, boot)):
        return db
    for suffix in ("-wal", "-shm", ".new", ".new-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    _make(Path(f"{path}.new"), boot)
    os.replace(f"{path}.new", path)  # whole, or not at all
    return _connect(path)


def _make(path: Path, boot: str) -> None:
    # The states of users: nobody else reads them. SQLite gives its -wal and -shm the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(SCHEMA)
    db.execute("INSERT INTO made VALUES (?, ?)", (_made(boot), secrets.token_hex(16)))
    db.close()


def _refuse_others(path: Path) -> None:
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(72)[68:] != OWNER.to_bytes(4):
                raise ValueError(f"{path} is not a file of sessions: name one that does not exist")


def _connect(path: Path) -> sqlite3.Connection:
    # Used by one thread at a time.
    uri = f"file:{quote(str(path))}?mode=rw"  # only `_make` makes one
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=2.0)
    db.execute("PRAGMA journal_mode = WAL")
    # Nothing has to outlive the machine. What is written outlives the process without that.
    db.execute("PRAGMA synchronous = OFF")
    return db


def _made(boot: str) -> str:
    return f"{boot} {LAYOUT}"


def _of_this_boot(path: Path, boot: str) -> sqlite3.Connection | None:
    """None: it is another boot's, broken, or missing. Raises sqlite3.Error where that cannot be said now."""
    try:
        db = _connect(path)
        if db.execute("SELECT boot FROM made").fetchone() == (_made(boot),):
            return db
        db.close()
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in _PASSING:
            raise
    return None
