"""When a worker that ended is started again."""

from control.workers.backoff import LONGEST_SECONDS, STEADY_SECONDS, Backoff


def test_the_first_is_replaced_at_once_and_a_crash_loop_slows_down() -> None:
    backoff = Backoff()
    assert [backoff.wait(0.5) for _ in range(8)] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, LONGEST_SECONDS]


def test_who_served_for_long_begins_anew() -> None:
    backoff = Backoff()
    assert [backoff.wait(lived) for lived in (0.5, 0.5, 0.5)] == [0.0, 1.0, 2.0]
    assert [backoff.wait(lived) for lived in (STEADY_SECONDS, 0.5)] == [0.0, 1.0]
