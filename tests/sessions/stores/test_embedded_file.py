"""The file itself: a batch is all or nothing, the clock decides what has expired, and full is no end."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from sessions.stores import embedded_file
from sessions.stores.embedded_file import SWEEP_ROWS, SessionFile, bring_to_disk, checkpoint
from sessions.stores.store import End, Fence, Get, Outcome, Put, Status, Touch

NOW = 1_800_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SessionFile]:
    made = SessionFile(tmp_path / "sessions.db", "FULL", 0.1)
    yield made
    made.close()


def put(session_id: str, version: int, state: bytes = b"x", ttl_seconds: float = 10.0) -> Put:
    return Put(session_id, version, state, "a", ttl_seconds)


def test_a_session_lives_exactly_its_ttl(file: SessionFile) -> None:
    file.run([put("id", 1)], NOW)
    assert file.read(Get("id"), NOW + 9.999).status == Status.TAKEN
    assert file.read(Get("id"), NOW + 10).status == Status.UNKNOWN
    file.run([Touch("id", 10.0)], NOW + 9)
    assert file.read(Get("id"), NOW + 18).status == Status.TAKEN


def test_what_has_expired_binds_nobody(file: SessionFile) -> None:
    file.run([put("id", 9), Fence("id", 2**32, 10.0), End("ended", 10.0)], NOW)
    outcomes = file.run([put("id", 1), put("ended", 1), Get("id")], NOW + 11)
    assert outcomes == [Outcome(Status.TAKEN, 1, 0, "a")] * 2 + [Outcome(Status.TAKEN, 1, 0, "a", b"x")]


def test_an_expired_session_leaves_nothing_under_a_new_fence(file: SessionFile) -> None:
    file.run([put("id", 9, b"old")], NOW)
    assert file.run([Fence("id", 2**32, 10.0), Get("id")], NOW + 11) == [
        Outcome(Status.TAKEN, 0, 2**32),
        Outcome(Status.UNKNOWN, 0, 2**32),
    ]


def test_a_sweep_takes_small_steps(file: SessionFile) -> None:
    file.run([put(f"{number}", 1) for number in range(SWEEP_ROWS + 1)], NOW)
    assert not file.sweep(NOW + 9)
    assert [file.sweep(NOW + 10), file.sweep(NOW + 10)] == [True, False]


def test_a_batch_that_fails_leaves_nothing_behind(file: SessionFile, tmp_path: Path) -> None:
    file.run([put("id", 1)], NOW)
    database = file._db
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        file.run([put("id", 2), put("large", 1, b"s" * 1_000_000)], NOW)
    assert file.read(Get("id"), NOW).version == 1
    assert [outcome.status for outcome in file.run([put("id", 2), Get("large")], NOW)] == [
        Status.TAKEN,
        Status.UNKNOWN,
    ]


def test_a_batch_that_cannot_be_written_down_leaves_nothing_behind(file: SessionFile) -> None:
    with pytest.raises(OverflowError):
        file.run([put("id", 1), put("huge", 2**63)], NOW)
    assert file.run([Get("id"), put("id", 1)], NOW)[0].status == Status.UNKNOWN


def test_a_checkpoint_brings_the_log_into_the_file_while_others_write(
    file: SessionFile, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.db"
    file.run([put("id", 1, b"s" * 100_000)], NOW)
    before = path.stat().st_size
    other = SessionFile(path, "NORMAL", 0.1)
    other._db.execute("BEGIN IMMEDIATE")
    checkpoint(path)
    other._db.execute("COMMIT")
    other.close()
    assert path.stat().st_size > before + 100_000


def test_only_a_large_log_is_brought_into_the_file_and_then_begun_anew(
    file: SessionFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_file, "LARGE_WAL_BYTES", 1_000_000)
    path, log = tmp_path / "sessions.db", tmp_path / "sessions.db-wal"
    before = path.stat().st_size
    file.run([put("small", 1, b"s" * 100_000)], NOW)
    bring_to_disk(path)
    assert path.stat().st_size == before, "who writes next does not wait for the disk"
    file.run([put("large", 1, b"s" * 1_000_000)], NOW)
    bring_to_disk(path)
    assert path.stat().st_size > before + 1_000_000
    file.run([put("next", 1)], NOW)
    assert log.stat().st_size < 100_000


def test_several_may_make_the_file_at_the_same_moment(tmp_path: Path) -> None:
    """Each would wait for the other, so SQLite has one of them fail at once, where they meet."""
    together = Barrier(2)

    def opened(path: Path) -> SessionFile:
        together.wait()
        return SessionFile(path, "NORMAL", 60.0)

    with ThreadPoolExecutor(2) as threads:
        for number in range(100):
            for made in list(threads.map(opened, [tmp_path / f"{number}.db"] * 2)):
                made.close()


def test_of_a_file_that_is_gone_none_is_made(tmp_path: Path) -> None:
    checkpoint(tmp_path / "none.db")
    bring_to_disk(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_synchronous_is_what_was_asked_for(file: SessionFile, tmp_path: Path) -> None:
    assert file._db.execute("PRAGMA synchronous").fetchone() == (2,)
    normal = SessionFile(tmp_path / "other.db", "NORMAL", 0.1)
    assert normal._db.execute("PRAGMA synchronous").fetchone() == (1,)
    normal.close()


def test_two_on_one_file_see_each_other(file: SessionFile, tmp_path: Path) -> None:
    other = SessionFile(tmp_path / "sessions.db", "NORMAL", 0.1)
    file.run([put("id", 1)], NOW)
    assert other.run([put("id", 2)], NOW)[0].status == Status.TAKEN
    assert file.run([put("id", 2, b"other")], NOW)[0].status == Status.CONFLICT
    other.close()
