"""Metric families in steps too small to be felt by the byte path."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

STEP = 50  # samples: one costs 6 to 13 us to read and encode, 25 where sessions are counted

T = TypeVar("T")
Sample = tuple[tuple[str, ...], float]
Family = type[CounterMetricFamily] | type[GaugeMetricFamily]


def steps(
    family: Family, name: str, text: str, labels: list[str], samples: Iterable[Sample]
) -> Iterator[Metric]:
    """At least one metric, so that the name is there before anything has happened."""
    for some in groups(samples, STEP):
        metric = family(name, text, labels=labels)
        for values, number in some:
            metric.add_metric(values, number)
        yield metric


def groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter; one empty list where there is nothing."""
    left = iter(items)
    group = list(islice(left, size))
    yield group
    while group := list(islice(left, size)):
        yield group
