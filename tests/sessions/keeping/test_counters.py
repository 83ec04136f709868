"""Counters say what has happened, and forget in time which sessions are unprotected."""

from sessions.contract.settling import Settled
from sessions.keeping import counters
from sessions.keeping.counters import Histogram, KeepingCounters


def test_a_histogram_counts_by_upper_bounds() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.add(seconds)
    assert histogram.counts == [2, 2, 1] and histogram.sum == 7.5


def test_a_session_is_unprotected_until_it_is_settled_or_forgotten() -> None:
    counts = KeepingCounters()
    for name, until in (("a", 10.0), ("b", 20.0), ("c", 30.0)):
        counts.settled(name, 2, Settled.UNPROTECTED, 0.1, until)
    assert counts.unprotected_now(5.0) == 3
    counts.settled("b", 2, Settled.SETTLED, 0.1, 40.0)
    assert counts.unprotected_now(5.0) == 2
    assert counts.unprotected_now(10.0) == 1
    counts.settled("c", 2, Settled.UNPROTECTED, 0.1, 50.0)
    assert counts.unprotected_now(40.0) == 1
    assert counts.writes == [0, 1, 0, 0, 4] and counts.conflicts == 0
    counts.settled("d", 2, Settled.CONFLICT, 0.1, 50.0)
    assert counts.conflicts == 1


def test_a_session_is_protected_once_that_version_was_found_where_it_should_be() -> None:
    counts = KeepingCounters()
    counts.settled("a", 7, Settled.UNPROTECTED, 0.1, 10.0)
    counts.protected("b", 9)
    counts.protected("a", 6)
    assert counts.unprotected_now(5.0) == 1
    counts.protected("a", 7)
    assert counts.unprotected_now(5.0) == 0


def test_they_are_bounded() -> None:
    counts = KeepingCounters()
    most = counters._MOST_UNPROTECTED
    for number in range(most + 5):
        counts.settled(str(number), 2, Settled.UNPROTECTED, 0.1, 10.0)
    assert counts.unprotected_now(5.0) == most
    assert "4" not in counts.unprotected and "5" in counts.unprotected
