"""The storage that processes share: nothing is lost between them, with one that is killed, or in a fork."""

import os
import sqlite3
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from limpet_session import file_storage, shared_file
from limpet_session.file_storage import FileStorage, file_for
from limpet_session.memory import MemoryStorage
from limpet_session.record import Record
from limpet_session.storage import Storage
from tests.sdk.nodes import A, B, C
from tests.sdk.other_process import count, other_process
from tests.sdk.serving import PATIENCE

EACH = 500


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def put(storage: Storage, name: str, record: Record, now: float = 0) -> None:
    storage.change(name, now, lambda held: (record, None))


def until(expires: float, version: int = 1) -> Record:
    return Record(1, expires, version, state=b"state")


def test_processes_and_threads_that_write_one_session_lose_nothing(file: Path) -> None:
    storage = FileStorage(file)
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(file)) for _ in range(3)]
        for other in others:
            assert other.ask("storage.find('', 0)") == "None"  # it runs
        for other in others:
            other.tell(f"count(storage, {A!r}, {EACH})")
        threads = [threading.Thread(target=count, args=(storage, A, EACH)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        for other in others:
            assert int(other.heard()) >= EACH
    record = storage.find(A, time.monotonic())
    assert record is not None and record.version == 5 * EACH


def test_a_process_that_is_killed_while_it_writes_neither_loses_nor_breaks_nor_blocks(file: Path) -> None:
    storage = FileStorage(file)
    for _ in range(5):
        with other_process(file) as other:
            before = int(other.ask(f"count(storage, {A!r}, 1)"))
            other.tell(f"count(storage, {A!r}, 1_000_000)")
            end = time.monotonic() + PATIENCE
            while (record := storage.find(A, time.monotonic())) is None or record.version < before + 20:
                assert time.monotonic() < end, "it does not write"
            other.process.kill()
            other.process.wait()
        began = time.monotonic()
        assert count(storage, A, 1) > record.version
        assert time.monotonic() - began < 30
    storage.close()
    assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_it_keeps_what_it_is_told_as_the_memory_does(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_storage, "GRACE", 0.0)
    both: list[Storage] = [FileStorage(file), MemoryStorage()]
    record = Record(9, 20.0, 3, b"\x00\xff", since=2, began=1.5, fence=1 << 40)
    mark = Record(9, 30.0, ended=True)

    def all_of(storage: Storage) -> object:
        put(storage, A, record)
        put(storage, B, Record(1, 30.0, fence=5))
        renewed = storage.renew(A, C, 1, lambda held: (mark, held, held))
        pages = [[(n, r._replace(state=b"")) for n, r in storage.page(*p)] for p in (("", 9, 5), (A, 9, 5))]
        found = [storage.find(name, now) for name in (A, B, C) for now in (5, 19.9, 20, 30)]
        return renewed, pages, found

    told = [all_of(storage) for storage in both]
    assert told[0] == told[1]


def test_a_rule_that_raises_changes_nothing(file: Path) -> None:
    storage = FileStorage(file)
    put(storage, A, until(10))

    def fail(held: Record | None) -> tuple[Record | None, None]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        storage.change(A, 0, fail)
    with pytest.raises(sqlite3.Error):
        storage.renew(A, B, 0, lambda held: (until(90), Record(None, 9.0), None))  # type: ignore[arg-type]
    found = storage.find(A, 0)
    assert found is not None and found.expires < 90
    put(storage, A, until(20))


def test_reading_again_soon_writes_nothing_and_keeps_it_long_enough(file: Path) -> None:
    storage, now = FileStorage(file), 0.0
    writes = 0
    for _ in range(100):
        now += 0.1
        held = storage.find(A, now)
        put(storage, A, _lasting(held, now), now)
        writes += held != storage.find(A, now)
    assert writes <= 3
    assert storage.find(A, now + 59.9) is not None
    assert storage.find(A, now + 60 + file_storage.GRACE) is None


def _lasting(held: Record | None, now: float) -> Record:
    record = held or Record(60, 0.0, version=1)
    return record._replace(expires=record.lasting(60, now))


def test_what_has_expired_is_removed(file: Path) -> None:
    storage = FileStorage(file)
    for i in range(500):
        put(storage, f"{i:021d}A", until(1), now=0)
    for i in range(5):
        put(storage, A, until(200 + i), now=100 + i)
    storage.close()
    assert sqlite3.connect(file).execute("SELECT count(*) FROM sessions").fetchone() == (1,)


def test_a_child_of_a_fork_opens_the_file_anew(file: Path) -> None:
    storage = FileStorage(file)
    count(storage, A, 1)
    child = os.fork()
    if not child:
        os._exit(0 if storage._db is None and count(storage, A, 50) else 1)
    count(storage, A, 50)
    assert os.waitpid(child, 0)[1] == 0
    assert count(storage, A, 1) == 102


def test_nothing_is_made_before_it_is_used(file: Path) -> None:
    FileStorage(file)
    assert list(file.parent.iterdir()) == []
    with pytest.raises(ValueError, match="must be a directory"):
        FileStorage(file.parent / "missing" / "sessions.db")


def test_only_this_user_can_read_it(file: Path) -> None:
    count(FileStorage(file), A, 1)
    names = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    suffixes = ("", "-wal", "-shm", ".lock")
    assert names == {f"sessions.db{suffix}": 0o600 for suffix in suffixes}


def test_what_is_not_a_file_of_sessions_is_left_alone(file: Path) -> None:
    for content in (b"an app's own file", b"SQLite format 3\0" + bytes(1000)):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="is not a file of sessions"):
            FileStorage(file).find(A, 0)
        assert file.read_bytes() == content


def test_a_file_that_was_not_finished_is_no_obstacle(file: Path) -> None:
    for suffix in (".new", ".new-journal", "-wal", "-shm"):
        Path(f"{file}{suffix}").write_bytes(b"the beginning of one")
    assert count(FileStorage(file), A, 1) == 1


@pytest.mark.parametrize("boot", ["another", ""])
def test_what_an_earlier_boot_has_left_is_begun_anew(
    file: Path, monkeypatch: pytest.MonkeyPatch, boot: str
) -> None:
    with other_process(file) as other:
        other.ask(f"count(storage, {A!r}, 1)")
    monkeypatch.setattr(shared_file, "boot_id", lambda: boot)
    storage = FileStorage(file)
    assert storage.find(A, time.monotonic()) is None
    assert count(storage, A, 1) == 1


def test_so_is_what_a_power_cut_has_broken(file: Path) -> None:
    with other_process(file) as other:
        other.ask(f"count(storage, {A!r}, 1)")
        other.ask("storage.close()")
    content = bytearray(file.read_bytes())
    content[100:4096] = os.urandom(3996)
    file.write_bytes(content)
    assert count(FileStorage(file), A, 1) == 1


def test_one_that_cannot_be_read_now_is_not_begun_anew(file: Path) -> None:
    with other_process(file) as other:
        other.ask(f"count(storage, {A!r}, 1)")
        other.ask("storage.close()")
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("PRAGMA locking_mode = EXCLUSIVE")
    locker.execute("BEGIN EXCLUSIVE")
    storage = FileStorage(file)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        storage.find(A, time.monotonic())
    locker.close()
    assert count(storage, A, 1) == 2


def test_the_first_of_many_processes_prepares_it(file: Path) -> None:
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(file)) for _ in range(4)]
        for other in others:
            other.tell(f"count(storage, {A!r}, 1)")
        assert sorted(int(other.heard()) for other in others) == [1, 2, 3, 4]


def test_its_name_is_the_same_for_all_processes_and_for_no_other_file(file: Path) -> None:
    with other_process(file) as other:
        assert FileStorage(file).name == other.ask("storage.name")
    named = FileStorage(file).name
    assert len({named, FileStorage(file.with_name("other.db")).name, MemoryStorage().name}) == 3


def test_a_file_that_was_removed_is_no_second_one_for_who_comes_later(file: Path) -> None:
    storage = FileStorage(file, busy_seconds=0.1)
    with other_process(file) as other:
        other.ask(f"count(storage, {A!r}, 1)")
        file.unlink()
        with pytest.raises(sqlite3.OperationalError, match="removed under them"):
            count(storage, A, 1)
    assert count(storage, A, 1) == 1  # nobody has the old one any more


def test_a_file_that_stays_busy_is_an_error(file: Path) -> None:
    storage = FileStorage(file, busy_seconds=0.05)
    count(storage, A, 1)
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        count(storage, A, 1)
    assert storage.find(A, time.monotonic()) is not None
    writer.execute("ROLLBACK")
    writer.close()
    assert count(storage, A, 1) == 2


def test_each_endpoint_has_a_file_in_a_directory_of_this_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one, two = file_for("127.0.0.1:9101"), file_for("unix:/run/app/a.sock")
    assert [one.name, two.name] == ["127.0.0.1_9101.db", "unix__run_app_a.sock.db"]
    assert one.parent.stat().st_mode & 0o777 == 0o700
    one.parent.chmod(0o755)
    with pytest.raises(ValueError, match="only this user"):
        file_for("127.0.0.1:9101")
    one.parent.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    one.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="only this user"):
        file_for("127.0.0.1:9101")
