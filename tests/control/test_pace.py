"""How fast things go, by counters that are looked at every second."""

import pytest

from control.pace import Gauge, Pace, Paces, quantile
from proxy.counters import DURATION_BOUNDS
from tests.control.settings import runtime

NONE = [0] * (len(DURATION_BOUNDS) + 1)


def test_the_last_ten_seconds_count() -> None:
    gauge = Gauge()
    assert gauge.grown() == (0.0, ())
    for second in range(30):
        gauge.look(float(second), (10 * min(second, 15), second))
    assert gauge.grown() == (10.0, (0.0, 10.0))


def test_a_counter_that_falls_has_begun_anew() -> None:
    gauge = Gauge()
    for second, count in enumerate((100, 200, 0, 5)):
        gauge.look(float(second), (count,))
    assert gauge.grown() == (1.0, (5.0,))


@pytest.mark.parametrize(
    ("buckets", "part", "milliseconds"),
    [
        ({}, 0.5, None),
        ({0: 10}, 0.5, 0.5),
        ({1: 100}, 0.99, 2.49),
        ({0: 98, 9: 2}, 0.99, 750.0),
        ({len(DURATION_BOUNDS): 1}, 0.5, 30_000.0),
    ],
)
def test_quantiles(buckets: dict[int, int], part: float, milliseconds: float | None) -> None:
    counts = [buckets.get(at, 0) for at in range(len(NONE))]
    found = quantile(counts, part)
    assert found == (milliseconds if milliseconds is None else pytest.approx(milliseconds, abs=0.01))


def test_services_and_nodes() -> None:
    now = 0.0
    paces = Paces(lambda: now)
    shop = runtime().engine.services["shop"]
    paces.look(shop)
    assert (paces.service("shop"), paces.node("shop", "a")) == (Pace(), Pace())
    shop.nodes[0].counters.answers[2] += 6
    shop.nodes[0].counters.answers[5] += 2
    shop.counters.refused[5] += 2
    shop.counters.durations[0] += 10
    now = 2.0
    paces.look(shop)
    assert paces.service("shop") == Pace(5.0, 2.0, 0.5, 0.99)
    assert paces.node("shop", "a") == Pace(4.0, 1.0)
    paces.keep_only([])
    assert (paces.service("shop"), paces.node("shop", "a")) == (Pace(), Pace())
