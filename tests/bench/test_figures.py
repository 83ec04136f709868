"""Medians, ratios within a round, percentiles by nearest rank."""

import pytest

from bench.figures import Ratio, middle, percentile, ratio
from bench.rounds import Turn


def turn(cpu: float) -> Turn:
    return Turn(requests=10, seconds=2.0, cpu=cpu, user=cpu, system=0.0, busy=1.0, waited=0.0, moved=0)


def test_ratios_are_of_the_same_round() -> None:
    turns = {"a": [turn(2), turn(20), turn(9)], "b": [turn(1), turn(10), turn(3)]}
    assert ratio(turns, "a", "b") == Ratio(2.0, 2.0, 3.0)


def test_the_middle_is_the_median() -> None:
    assert middle([turn(1), turn(9), turn(2)], lambda one: one.cpu) == 2


def test_the_rate_is_requests_a_second() -> None:
    assert turn(1).rate == 5.0


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.99, 10), (0.01, 1), (1.0, 10), (0.51, 6)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile(range(1, 11)[::-1], share) == expected
