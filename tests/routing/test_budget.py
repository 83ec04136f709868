"""The retry budget: never above its part of the requests, never so tight that a quiet service cannot."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.budget import WINDOW_SECONDS, RetryBudget

STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 30), st.integers(0, 30)), max_size=60)


def granted(budget: RetryBudget, asked: int, now: float) -> int:
    return sum(budget.allow(now) for _ in range(asked))


def requested(budget: RetryBudget, count: int, now: float) -> None:
    for _ in range(count):
        budget.request(now)


def test_a_fifth_of_the_requests_may_be_tried_again() -> None:
    budget = RetryBudget(0.2, minimum_per_second=0)
    requested(budget, 100, 5.0)
    assert granted(budget, 50, 5.5) == 20
    requested(budget, 5, 6.0)
    assert granted(budget, 50, 6.0) == 1


def test_a_quiet_service_may_retry() -> None:
    budget = RetryBudget(0.2, minimum_per_second=3)
    assert granted(budget, 100, 5.0) == 30
    assert granted(budget, 1, 14.9) == 0
    assert granted(budget, 100, 15.0) == 30


def test_the_floor_is_not_added_to_the_ratio() -> None:
    budget = RetryBudget(0.2, minimum_per_second=3)
    requested(budget, 1000, 5.0)
    assert granted(budget, 1000, 5.0) == 200


def test_a_ratio_of_nothing_allows_nothing() -> None:
    budget = RetryBudget(0.0)
    requested(budget, 1000, 5.0)
    assert granted(budget, 10, 5.0) == 0


@pytest.mark.parametrize("silence", [9.0, 10.0, 11.0, 1e12])
def test_requests_count_for_ten_seconds(silence: float) -> None:
    budget = RetryBudget(0.5, minimum_per_second=0)
    requested(budget, 10, 1000.0)
    assert granted(budget, 10, 1000.0 + silence) == (5 if silence < 10 else 0)


def test_a_clock_that_starts_anywhere_will_do() -> None:
    for start in (0.0, 0.5, 9.9, 123456789.0):
        budget = RetryBudget(0.5, minimum_per_second=0)
        requested(budget, 10, start)
        assert granted(budget, 10, start) == 5


@given(STEPS, st.sampled_from([0.05, 0.2, 1.0]), st.sampled_from([0.0, 0.3, 3.0]))
def test_retries_never_exceed_the_budget_of_any_window(
    steps: list[tuple[float, int, int]], ratio: float, minimum: float
) -> None:
    budget, now = RetryBudget(ratio, minimum), 50.0
    seconds: deque[tuple[int, int, int]] = deque()
    for pause, requests, retries in steps:
        now += pause
        requested(budget, requests, now)
        seconds.append((int(now), requests, granted(budget, retries, now)))
        while seconds[0][0] <= int(now) - WINDOW_SECONDS:
            seconds.popleft()
        sent, again = sum(step[1] for step in seconds), sum(step[2] for step in seconds)
        if seconds[-1][2]:
            assert again <= max(ratio * sent, minimum * WINDOW_SECONDS)
        elif retries:  # refused: there was no room for one more
            assert again + 1 > max(ratio * sent, minimum * WINDOW_SECONDS)
