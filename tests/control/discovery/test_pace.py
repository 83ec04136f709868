"""When to look again."""

from math import inf

from control.discovery.pace import Pace


def test_an_answer_is_good_for_its_ttl_within_bounds() -> None:
    pace = Pace(1, 60)
    assert [pace.found(ttl) for ttl in (0, 0.5, 1, 5, 60, 3600, inf)] == [1, 1, 1, 5, 60, 60, 60]


def test_after_failures_it_is_asked_less_and_less_often_but_always_soon() -> None:
    pace = Pace(1, 60)
    assert [pace.failed() for _ in range(6)] == [1, 2, 4, 8, 15, 15]
    assert pace.found(5) == 5
    assert pace.failed() == 1
    assert max(pace.failed() for _ in range(5000)) == 15


def test_the_operators_bounds_hold_after_failures_too() -> None:
    assert [wait for pace in [Pace(1, 3)] for wait in (pace.failed(), pace.failed(), pace.failed())] == [
        1,
        2,
        3,
    ]
    pace = Pace(20, 60)
    assert [pace.failed(), pace.failed()] == [20, 20]
