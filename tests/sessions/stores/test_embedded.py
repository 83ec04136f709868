"""The embedded store under what a machine does to it: kill -9, several processes, a full disk, a slow one."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from sessions.stores.embedded import EmbeddedStore
from sessions.stores.store import Get, Outcome, Put, Status, StoreError
from tests.sessions.stores.writer import SHARED

ROOT = Path(__file__).parents[3]


def put(session_id: str, version: int, ttl_seconds: float = 600.0) -> Put:
    return Put(session_id, version, b"x", "a", ttl_seconds)


def modes(directory: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()}


def remove(*paths: str) -> None:
    for path in paths:
        Path(path).unlink(missing_ok=True)


class Writers:
    """Processes that write to one file, and what they say was acknowledged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = 0
        self.own: dict[str, int] = {}
        self.shared: dict[int, int] = defaultdict(int)

    def run(self, count: int, until_lines: int) -> None:
        """Start `count`, kill -9 each after it has said `until_lines` lines, and read what it said before."""
        processes = [self._start() for _ in range(count)]
        for process in processes:
            assert process.stdout
            said = [process.stdout.readline() for _ in range(until_lines)]
            process.kill()
            said += process.stdout.read().splitlines(keepends=True)
            process.wait()
            process.stdout.close()
            for line in said:
                self._note(line)

    def _start(self) -> "subprocess.Popen[str]":
        self.started += 1
        return subprocess.Popen(
            [sys.executable, "-m", "tests.sessions.stores.writer", str(self.path), f"w{self.started}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _note(self, line: str) -> None:
        match line.split():
            case ["own", session, version] if line.endswith("\n"):
                assert int(version) == self.own.get(session, 0) + 1
                self.own[session] = int(version)
            case ["shared", version] if line.endswith("\n"):
                self.shared[int(version)] += 1


async def test_no_acknowledged_write_is_lost_to_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    writers = Writers(path)
    for count, lines in ((2, 400), (3, 150), (1, 30)):
        writers.run(count, lines)
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
    assert len(writers.own) == 6 * 8
    store = EmbeddedStore("local", path)
    await store.open()
    outcomes = await store.run([Get(session) for session in writers.own])
    for (session, version), outcome in zip(writers.own.items(), outcomes, strict=True):
        assert outcome.version >= version, session
        assert outcome.state == f"{outcome.node}:{outcome.version}".encode() * 100
    (shared,) = await store.run([Get(SHARED)])
    await store.close()
    assert set(writers.shared.values()) == {1}, "two processes were told that they wrote the same version"
    assert max(writers.shared) <= shared.version <= max(writers.shared) + 6


async def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    writers = Writers(tmp_path / "sessions.db")
    writers.run(4, 5)
    assert {name.partition("-")[0] for name in writers.own} == {"w1", "w2", "w3", "w4"}


def test_a_full_disk_fails_the_write_and_the_store_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sessions.stores.full_disk", str(tmp_path / "sessions.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("a write failed") == 1


async def test_it_is_kept_across_restarts_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    for version in (1, 2):
        store = EmbeddedStore("local", path)
        await store.open()
        assert (await store.run([put("id", version)]))[0].status == Status.TAKEN
        assert modes(tmp_path) == {"sessions.db": 0o600, "sessions.db-wal": 0o600, "sessions.db-shm": 0o600}
        await store.close()
    assert list(modes(tmp_path)) == ["sessions.db"]


async def test_what_has_expired_is_removed_without_being_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    now = [1_000_000.0]
    store = EmbeddedStore("local", path, sweep_seconds=0.01, clock=lambda: now[0])
    await store.open()
    await store.run([put(f"id-{number}", 1, 60.0 if number else 600.0) for number in range(501)])
    now[0] += 61
    database = sqlite3.connect(path)
    async with asyncio.timeout(60):
        while True:
            rows = database.execute("SELECT id FROM sessions").fetchall()
            if len(rows) <= 1:
                break
            await asyncio.sleep(0.01)
    database.close()
    assert rows == [("id-0",)]
    await store.close()


async def test_another_process_that_holds_the_file_blocks_writes_for_a_bounded_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sessions.db"
    store = EmbeddedStore("local", path, timeout_seconds=0.5)
    await store.open()
    await store.run([put("id", 1)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    outcomes = await store.run([put("id", 2), Get("id")])
    assert time.monotonic() - begun < 30
    assert [outcome.status for outcome in outcomes] == [Status.FAILED, Status.TAKEN]
    assert outcomes[0].why == "database is locked"
    other.execute("COMMIT")
    other.close()
    assert await store.run([put("id", 2)]) == [Outcome(Status.TAKEN, 2, 0, "a")]
    await store.close()
    assert len(caplog.records) == 1


async def test_a_file_that_does_not_answer_holds_nobody_beyond_the_timeout(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    free = threading.Event()
    free.set()

    def clock() -> float:  # asked in the store's thread
        assert free.wait(60)
        return time.time()

    store = EmbeddedStore(
        "local", tmp_path / "sessions.db", timeout_seconds=0.2, sweep_seconds=0.05, clock=clock
    )
    await store.open()
    assert (await store.run([put("id", 1)]))[0].status == Status.TAKEN
    free.clear()
    assert (await store.run([put("id", 2)]))[0].why == "the file did not answer in time"
    assert not store.up
    begun = time.monotonic()
    outcomes = [(await store.run([put("id", 3)]))[0].status for _ in range(20)]
    assert time.monotonic() - begun < 4, "nobody waits behind what hangs: that is twenty times the timeout"
    assert set(outcomes) == {Status.FAILED}
    free.set()
    async with asyncio.timeout(60):
        while not store.up:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await store.run([Get("id")]))[0].version == 2, "what was under way was done after all"
    await store.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_file_that_breaks_while_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    store = EmbeddedStore("local", path, sweep_seconds=60)
    await store.open()
    await store.run([put(f"id-{number}", 1) for number in range(100)])
    await store.close()
    whole = path.read_bytes()
    store = EmbeddedStore("local", path, sweep_seconds=60)
    await store.open()
    path.write_bytes(b"\xaa" * len(whole))
    outcomes = await store.run([Get("id-1"), put("id-1", 2)])
    assert {outcome.status for outcome in outcomes} == {Status.FAILED}
    assert not store.up
    path.write_bytes(whole)
    remove(f"{path}-wal", f"{path}-shm")
    assert [outcome.status for outcome in await store.run([Get("id-1"), put("id-1", 2)])] == [
        Status.TAKEN
    ] * 2
    assert store.up
    await store.close()


async def test_a_file_that_was_removed_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "sessions.db"
    store = EmbeddedStore("local", path, sweep_seconds=0.02)
    await store.open()
    await store.run([put("id", 1)])
    remove(str(path), f"{path}-wal", f"{path}-shm")
    async with asyncio.timeout(60):
        while (await store.run([Get("id")]))[0].status != Status.UNKNOWN:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await store.run([put("id", 2)])
    await store.close()
    assert list(modes(tmp_path)) == ["sessions.db"]
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        f"{path} was removed or replaced: a new one is begun"
    ]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 100), "file is not a database"),
        (lambda path: path.mkdir(), "Is a directory"),
        (
            lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 9").connection.close(),
            "has layout 9",
        ),
    ],
)
async def test_what_can_be_no_store_is_said_at_the_start(
    tmp_path: Path, prepare: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "sessions.db"
    prepare(path)
    store = EmbeddedStore("local", path)
    with pytest.raises(StoreError, match=f"sessions.db: .*{message}"):
        await store.open()
    await store.close()
    missing = EmbeddedStore("local", tmp_path / "none" / "sessions.db")
    with pytest.raises(StoreError, match="No such file or directory"):
        await missing.open()
    await missing.close()
