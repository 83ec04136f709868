"""How fast things go: counters looked at every second, and what they say of the last ten."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from proxy.counters import DURATION_BOUNDS
from proxy.service import Node, Service

WINDOW_SECONDS = 10


class Pace(NamedTuple):
    """Exchanges a second over the last ten seconds; latencies in milliseconds, None where there were none.

    `errors`: answered with 5xx, whoever said it.
    """

    requests: float = 0.0
    errors: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None


class Gauge:
    """The last looks at some counters that only grow; where the first falls they have begun anew."""

    __slots__ = ("_looks",)

    def __init__(self) -> None:
        self._looks: deque[tuple[float, tuple[float, ...]]] = deque(maxlen=WINDOW_SECONDS + 1)

    def look(self, now: float, counts: Sequence[float]) -> None:
        """`now`: monotonic seconds."""
        if self._looks and counts[0] < self._looks[-1][1][0]:
            self._looks.clear()
        self._looks.append((now, tuple(counts)))

    def grown(self) -> tuple[float, tuple[float, ...]]:
        """Seconds between the first look and the last, and by how much each counter has grown meanwhile."""
        if len(self._looks) < 2:
            return 0.0, ()
        (began, first), (ended, last) = self._looks[0], self._looks[-1]
        return ended - began, tuple(new - old for new, old in zip(last, first, strict=True))


class Paces:
    """Of all services and nodes. `look` is to be called every second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._services: dict[str, Gauge] = {}
        self._nodes: dict[tuple[str, str], Gauge] = {}

    def look(self, service: Service) -> None:
        now = self._now()
        gauge = self._services.get(service.name) or self._services.setdefault(service.name, Gauge())
        gauge.look(now, (*_answered(service), *service.counters.durations))
        for node in service.nodes:
            name = (service.name, node.name)
            gauge = self._nodes.get(name) or self._nodes.setdefault(name, Gauge())
            gauge.look(now, (sum(node.counters.answers), node.counters.answers[5]))

    def keep_only(self, services: Sequence[Service]) -> None:
        """Forget what is no longer configured."""
        names = {service.name for service in services}
        nodes = {(service.name, node.name) for service in services for node in service.nodes}
        self._services = {name: gauge for name, gauge in self._services.items() if name in names}
        self._nodes = {name: gauge for name, gauge in self._nodes.items() if name in nodes}

    def service(self, name: str) -> Pace:
        seconds, grown = self._services.get(name, Gauge()).grown()
        if not seconds:
            return Pace()
        durations = grown[2:]
        p50, p99 = quantile(durations, 0.5), quantile(durations, 0.99)
        return Pace(round(grown[0] / seconds, 2), round(grown[1] / seconds, 2), p50, p99)

    def node(self, service: str, node: str) -> Pace:
        """Without latencies."""
        seconds, grown = self._nodes.get((service, node), Gauge()).grown()
        return Pace(round(grown[0] / seconds, 2), round(grown[1] / seconds, 2)) if seconds else Pace()


def quantile(counts: Sequence[float], part: float) -> float | None:
    """Milliseconds below which this part of the exchanges lies: evenly spread within their bucket.

    In the last bucket, which has no upper bound, it is the lower one, as with Prometheus.
    """
    wanted = part * sum(counts)
    if not wanted:
        return None
    below, passed = 0.0, 0.0
    for bound, count in zip(DURATION_BOUNDS, counts, strict=False):
        if passed + count >= wanted:
            return round(1000 * (below + (bound - below) * (wanted - passed) / count), 2)
        below, passed = bound, passed + count
    return 1000 * DURATION_BOUNDS[-1]


def answered(service: Service) -> int:
    """Exchanges that have ended, whoever answered."""
    return sum(_total(node) for node in service.nodes) + sum(service.counters.refused)


def _total(node: Node) -> int:
    return sum(node.counters.answers)


def _answered(service: Service) -> tuple[int, int]:
    failed = sum(node.counters.answers[5] for node in service.nodes) + service.counters.refused[5]
    return answered(service), failed
