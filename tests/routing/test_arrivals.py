"""Where an address's first requests went: two seconds, and bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from routing.arrivals import OwnArrivals


def test_an_address_keeps_its_place_for_two_seconds_from_the_first_request() -> None:
    arrivals = OwnArrivals()
    assert arrivals.place("10.0.0.1", 100.0) == -1
    arrivals.remember("10.0.0.1", 2, 100.0)
    assert arrivals.place("10.0.0.1", 101.9) == 2
    assert arrivals.place("10.0.0.2", 101.9) == -1
    assert arrivals.place("10.0.0.1", 102.0) == -1


def test_a_move_does_not_make_the_window_longer() -> None:
    arrivals = OwnArrivals()
    arrivals.remember("10.0.0.1", 2, 100.0)
    arrivals.move("10.0.0.1", 1)
    assert arrivals.place("10.0.0.1", 101.9) == 1
    assert arrivals.place("10.0.0.1", 102.0) == -1


def test_a_new_window_begins_when_the_old_one_is_over() -> None:
    arrivals = OwnArrivals()
    arrivals.remember("10.0.0.1", 2, 100.0)
    arrivals.remember("10.0.0.1", 0, 103.0)
    assert arrivals.place("10.0.0.1", 104.9) == 0


def test_the_oldest_is_forgotten_where_there_are_too_many() -> None:
    arrivals = OwnArrivals(limit=3)
    for i in range(4):
        arrivals.remember(str(i), i, 100.0 + i / 10)
    assert [arrivals.place(str(i), 100.5) for i in range(4)] == [-1, 1, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 3)), max_size=200), st.integers(1, 20))
def test_memory_is_bounded_and_the_latest_is_always_there(steps: list[tuple[int, float]], limit: int) -> None:
    arrivals, now = OwnArrivals(limit=limit), 0.0
    for address, pause in steps:
        now += pause
        arrivals.remember(str(address), address, now)
        assert len(arrivals) <= limit
        assert arrivals.place(str(address), now) == address


def test_what_is_over_is_forgotten_twice_as_fast_as_others_come() -> None:
    arrivals = OwnArrivals()
    for i in range(100):
        arrivals.remember(f"old {i}", 0, 0.0)
    for i in range(60):
        arrivals.remember(f"new {i}", 0, 10.0)
    assert len(arrivals) == 60


def test_an_address_that_came_again_is_not_the_oldest() -> None:
    arrivals = OwnArrivals(limit=2)
    arrivals.remember("a", 0, 100.0)
    arrivals.remember("b", 1, 100.1)
    arrivals.remember("a", 0, 100.2)
    arrivals.remember("c", 2, 100.3)
    assert [arrivals.place(address, 100.4) for address in "abc"] == [0, -1, 2]
