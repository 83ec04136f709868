"""The last hour, and no more."""

from control.dashboard.history import HOUR_SECONDS, History


def test_points_come_back_in_order() -> None:
    history = History(60, ("rate", "p99"))
    assert history.lines() == {"step": 60, "times": [], "lines": {}}
    history.add(1000.0, {"shop": (1.5, None)})
    history.add(1060.0, {"shop": (2.0, 7.25)})
    assert history.lines() == {
        "step": 60,
        "times": [1000.0, 1060.0],
        "lines": {"shop": {"rate": [1.5, 2.0], "p99": [None, 7.25]}},
    }


def test_after_an_hour_the_oldest_is_forgotten() -> None:
    history = History(60, ("rate",))
    for minute in range(75):
        history.add(60.0 * minute, {"shop": (minute,)})
    lines = history.lines()
    assert len(lines["times"]) == HOUR_SECONDS // 60
    assert lines["times"][0] == 900.0
    assert lines["lines"]["shop"]["rate"] == [float(minute) for minute in range(15, 75)]


def test_what_comes_later_says_nothing_of_the_time_before_and_what_goes_is_forgotten() -> None:
    history = History(60, ("rate",))
    history.add(0.0, {"shop": (1,)})
    history.add(60.0, {"shop": (1,), "mail": (2,)})
    assert history.lines()["lines"]["mail"] == {"rate": [None, 2.0]}
    history.add(120.0, {"mail": (3,)})
    assert history.lines()["lines"] == {"mail": {"rate": [None, 2.0, 3.0]}}
