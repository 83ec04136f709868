"""The storage in memory forgets what is due, a little at a time, and nothing else."""

import pytest

from limpet_session.memory import MemoryStorage
from limpet_session.record import Record


def until(expires: float) -> Record:
    return Record(1, expires, version=1)


def name(i: int) -> str:
    return f"{i:021d}A"


def put(storage: MemoryStorage, session_id: str, record: Record, now: float) -> None:
    storage.change(session_id, now, lambda held: (record, None))


def test_what_is_due_is_gone_at_once_and_forgotten_bit_by_bit() -> None:
    storage = MemoryStorage()
    for i in range(100):
        put(storage, name(i), until(10), now=0)
    assert storage.find(name(0), 9.9) is not None
    assert storage.find(name(0), 10) is None
    assert storage.page("", 100, 10) == []
    assert 0 < len(storage) < 100
    while len(storage):
        before = len(storage)
        storage.page("", 1, 10)
        assert before - 10 < len(storage) < before


def test_what_was_kept_alive_stays() -> None:
    storage = MemoryStorage()
    put(storage, name(1), until(10), now=0)
    put(storage, name(2), until(10), now=0)
    put(storage, name(1), until(30), now=9)
    put(storage, name(3), until(40), now=20)
    assert [found for found, _ in storage.page("", 9, 20)] == [name(1), name(3)]
    assert len(storage) == 2
    assert [found for found, _ in storage.page("", 9, 30)] == [name(3)]


def test_what_was_forgotten_and_comes_again_is_there_once() -> None:
    storage = MemoryStorage()
    for now in (0, 10, 20):
        put(storage, name(1), until(now + 10), now)
        put(storage, name(2), until(now + 10), now)
        assert [found for found, _ in storage.page("", 9, now)] == [name(1), name(2)]


def test_a_page_is_full_although_much_of_it_is_due() -> None:
    storage = MemoryStorage()
    for i in range(50):
        put(storage, name(i), until(10 if i % 2 else 99), now=0)
    assert [found for found, _ in storage.page(name(0), 3, 10)] == [name(2), name(4), name(6)]


def test_what_has_only_a_fence_is_kept_and_not_listed() -> None:
    storage = MemoryStorage()
    put(storage, name(1), Record(1, 10, fence=5), now=0)
    assert storage.find(name(1), 9) is not None and storage.page("", 9, 9) == []


def test_a_rule_that_raises_changes_nothing() -> None:
    storage = MemoryStorage()
    put(storage, name(1), until(10), now=0)

    def fail(held: Record | None) -> tuple[Record | None, None]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        storage.change(name(1), 0, fail)
    put(storage, name(1), until(20), now=0)
    assert storage.find(name(1), 15) == until(20)
