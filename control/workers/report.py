"""What a worker counts, as it tells control; the sum of several; and how control takes that for its own."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from control.keeping import Elsewhere, Keeping, Kept
from control.traces import Counts
from proxy.counters import Delays
from proxy.engine import Engine
from proxy.service import Connections, Node, Service
from sessions.keeping.counters import Histogram, KeepingCounters

T = TypeVar("T")


class Longest(float):
    """A time of which the longest counts for all."""

    def __add__(self, other: float) -> "Longest":
        return Longest(max(self, other))


COUNTED = (
    "decisions",
    "affinity",
    "durations",
    "duration_sum",
    "refused",
    "retries",
    "bytes_in",
    "bytes_out",
)
KEEPING = ("writes", "ends", "conflicts", "moves", "lost", "stale", "too_large", "searches")
TIMED = ("searching", "settling")
LATE = ("delays", "stalls")
SPANS = ("sent", "failed", "overflowed")


class NodeReport(NamedTuple):
    """`copied`: bytes of state that were sent to it."""

    answers: list[int]
    connections: Connections
    copied: int


class KeepingReport(NamedTuple):
    """`counters`, `timed`: by the names above; a histogram is its counts and its sum."""

    counters: dict[str, Any]
    timed: dict[str, tuple[list[int], float]]
    lag_seconds: float
    lag_bytes: int
    stored: int  # bytes of state that were sent to the store


class ServiceReport(NamedTuple):
    """`counters`: by the names above; sessions that were lost are not among them: control counts those."""

    counters: dict[str, Any]
    oversized: int
    nodes: dict[str, NodeReport]
    keeping: KeepingReport | None


class Report(NamedTuple):
    """All of a worker's. `delays`: by the names above, counts and seconds; `spans`: as in `Counts`."""

    rejected: dict[str, int]
    services: dict[str, ServiceReport]
    delays: dict[str, tuple[list[int], float]]
    spans: dict[str, int]


def report(engine: Engine, keeping: Keeping, spans: Counts) -> Report:
    """What this process has counted so far, and how it is now."""
    services = {
        name: _service(service, keeping.services.get(name)) for name, service in engine.services.items()
    }
    delays: dict[str, Delays] = {name: getattr(engine.counters, name) for name in LATE}
    return Report(
        dict(engine.counters.rejected),
        services,
        {name: (each.counts, each.seconds) for name, each in delays.items()},
        {name: getattr(spans, name) for name in SPANS},
    )


def _service(service: Service, kept: Kept | None) -> ServiceReport:
    counters = {name: getattr(service.counters, name) for name in COUNTED}
    nodes = {node.name: _node(node, kept) for node in service.present}
    keeping = _keeping(kept) if kept is not None else None
    return ServiceReport(counters, service.affinity.oversized, nodes, keeping)


def _node(node: Node, kept: Kept | None) -> NodeReport:
    copied = kept.peers[node.index].copied_bytes if kept is not None else 0
    return NodeReport(node.counters.answers, node.connections, copied)


def _keeping(kept: Kept) -> KeepingReport:
    keeper, counters = kept.keeper, kept.keeper.counters
    return KeepingReport(
        {name: getattr(counters, name) for name in KEEPING},
        {name: _timed(getattr(counters, name)) for name in TIMED},
        Longest(keeper.lag_seconds),
        keeper.lag_bytes,
        kept.store.copied_bytes if kept.store is not None else 0,
    )


def _timed(histogram: Histogram) -> tuple[list[int], float]:
    return histogram.counts, histogram.sum


def added(one: T, other: T) -> T:
    """Numbers, and what is made of numbers, added part by part; what only one of them has counts as it is."""
    return _added(one, other)  # type: ignore[no-any-return]  # of the same type by its shape


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        both = {key: _added(value, other[key]) if key in other else value for key, value in one.items()}
        return both | {key: value for key, value in other.items() if key not in one}
    if isinstance(one, list):
        return list(map(_added, one, other))
    if isinstance(one, tuple):
        parts = map(_added, one, other)
        return type(one)(*parts) if hasattr(one, "_fields") else tuple(parts)
    if one is None or other is None:
        return other if one is None else one
    return one + other


def without_gauges(last: Report) -> Report:
    """What remains of a worker that has ended: what it has counted, and nothing under way."""
    return last._replace(
        services={name: _ended(service) for name, service in last.services.items()},
    )


def _ended(service: ServiceReport) -> ServiceReport:
    nodes = {name: node._replace(connections=Connections()) for name, node in service.nodes.items()}
    keeping = service.keeping and service.keeping._replace(lag_seconds=0.0, lag_bytes=0)
    return service._replace(nodes=nodes, keeping=keeping)


def take(total: Report, engine: Engine, keeping: Keeping, spans: Counts) -> None:
    """Have the process that leads show the sum as its own: it serves no clients itself."""
    for name, (counts, seconds) in total.delays.items():
        delays: Delays = getattr(engine.counters, name)
        delays.counts, delays.seconds = counts, seconds
    for name, count in total.spans.items():
        setattr(spans, name, count)
    engine.counters.rejected = dict(total.rejected)
    engine.counters.connections = sum(tally[0] for tally in engine.tallies)
    for name, service in engine.services.items():
        if (said := total.services.get(name)) is not None:
            _take_service(said, service)
            kept = keeping.services.get(name)
            if kept is not None and said.keeping is not None:
                _take_keeping(said.keeping, {node: each.copied for node, each in said.nodes.items()}, kept)


def _take_service(said: ServiceReport, service: Service) -> None:
    for name in COUNTED:
        setattr(service.counters, name, said.counters[name])
    service.affinity.oversized = said.oversized
    for node in service.nodes:
        if (counted := said.nodes.get(node.name)) is not None:
            node.counters.answers = counted.answers
            node.elsewhere = counted.connections


def _take_keeping(said: KeepingReport, copied: Mapping[str, int], kept: Kept) -> None:
    counters: KeepingCounters = kept.keeper.counters
    for name in KEEPING:
        setattr(counters, name, said.counters[name])
    for name in TIMED:
        histogram: Histogram = getattr(counters, name)
        histogram.counts, histogram.sum = said.timed[name]
    kept.elsewhere = Elsewhere(said.lag_seconds, said.lag_bytes, copied, said.stored)
