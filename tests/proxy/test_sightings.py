"""The estimate of sessions seen lately: near the truth, forgetting in time, in memory that never grows."""

import pytest

from proxy.sightings import SLOTS, Sightings
from sessions.ids import new_id


# The ids are random, and so are their hashes: seven standard deviations, or more.
@pytest.mark.parametrize(
    ("sessions", "tolerance"), [(0, 0), (1, 0), (10, 3), (1000, 60), (8000, 600), (30_000, 4000)]
)
def test_is_near_the_truth(sessions: int, tolerance: int) -> None:
    sightings = Sightings()
    for _ in range(sessions):
        sightings.see(new_id())
    assert abs(sightings.count() - sessions) <= tolerance


def test_a_session_counts_once_however_often_it_comes() -> None:
    sightings = Sightings()
    for _ in range(100):
        sightings.see("the same")
    sightings.turn()
    sightings.see("the same")
    assert sightings.count() == 1


def test_forgets_after_two_windows() -> None:
    sightings = Sightings()
    sightings.see("early")
    sightings.turn()
    assert sightings.count() == 1
    sightings.turn()
    assert sightings.count() == 0


def test_does_not_fail_when_full() -> None:
    sightings = Sightings()
    sightings.slots[:] = b"\x01" * SLOTS
    assert sightings.count() == 73817


def test_several_write_to_the_same_slots() -> None:
    one, other, shared = Sightings(), Sightings(), bytearray(SLOTS)
    one.slots, other.slots = memoryview(shared), memoryview(shared)
    one.see("first")
    other.see("second")
    other.see("first")
    assert one.count() == 2
    one.turn()  # who keeps the time for all
    other.see("second")
    assert one.count() == 2
    one.turn()
    assert one.count() == 1
