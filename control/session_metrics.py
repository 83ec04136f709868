"""What Prometheus sees of how sessions are kept: writes, moves, copies, searches, stores."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from control.keeping import Keeping, Kept
from control.metric_steps import Sample, steps
from control.overview import COPIES, RESULTS, SOURCES
from routing.states import Membership
from sessions.contract.searching import Where
from sessions.keeping.counters import Histogram

ENDS = tuple(where.name.lower() for where in Where)

Named = tuple[str, Kept]


def session_metrics(keeping: Keeping, now: float) -> Iterator[Metric]:
    """All families; they are there without any sample where no service uses the contract."""
    services = list(keeping.services.items())
    for family, name, text, labels, samples_of in _FAMILIES:
        samples = (sample for service in services for sample in samples_of(service))
        yield from steps(family, f"limpet_{name}", text, ["service", *labels], samples)
    text = "Sessions whose last write has fewer copies than it should."
    unprotected = (((name,), kept.keeper.counters.unprotected_now(now)) for name, kept in services)
    yield from steps(GaugeMetricFamily, "limpet_sessions_unprotected", text, ["service"], unprotected)
    text = "Seconds until a write was safe with its copies, or could not be."
    yield _histogram("limpet_replication_seconds", text, services, lambda kept: kept.keeper.counters.settling)
    text = "Seconds that searches for sessions took."
    yield _histogram(
        "limpet_session_search_seconds", text, services, lambda kept: kept.keeper.counters.searching
    )
    up = (((name,), float(store.up)) for name, store in keeping.stores.opened.items())
    yield from steps(GaugeMetricFamily, "limpet_store_up", "Whether the store answers.", ["store"], up)


def _histogram(
    name: str, text: str, services: Iterable[Named], of: Callable[[Kept], Histogram]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=["service"])
    for service, kept in services:
        histogram = of(kept)
        bounds = [*map(str, histogram.bounds), "+Inf"]
        counts = accumulate(histogram.counts)
        family.add_metric([service], list(zip(bounds, counts, strict=True)), histogram.sum)
    return family


def _by(
    labels: tuple[str, ...], counts: Callable[[Kept], Iterable[float]], *without: str
) -> Callable[[Named], Iterator[Sample]]:
    """Samples of a list of counts."""

    def samples(named: Named) -> Iterator[Sample]:
        service, kept = named
        for label, count in zip(labels, counts(kept), strict=True):
            if label not in without:
                yield (service, label), count

    return samples


def _one(value: Callable[[Kept], float]) -> Callable[[Named], Iterator[Sample]]:
    def samples(named: Named) -> Iterator[Sample]:
        yield (named[0],), value(named[1])

    return samples


def _writes(kept: Kept) -> list[int]:
    counters = kept.keeper.counters
    return [*counters.writes, counters.too_large]


def _copied(named: Named) -> Iterator[Sample]:
    service, kept = named
    for index, node in enumerate(kept.watch.health.view().nodes):
        if node.membership is not Membership.GONE:
            yield (service, node.name), kept.copied(index)
    if kept.store is not None:
        yield (service, f"store {kept.store.name}"), kept.stored


def _copies(named: Named) -> Iterator[Sample]:
    service, kept = named
    if kept.replicated:
        for label, count in zip(COPIES, kept.reconciler.copies, strict=True):
            yield (service, label), count


def _left(named: Named) -> Iterator[Sample]:
    service, kept = named
    for node, left in kept.reconciler.left.items():
        yield (service, kept.watch.node_names[node]), left


def lost(services: Mapping[str, Kept], service: str) -> int:
    """Sessions of which it had to be said that nobody has them any more."""
    kept = services.get(service)
    return kept.keeper.counters.lost if kept is not None else 0


_Family = type[CounterMetricFamily] | type[GaugeMetricFamily]
_FAMILIES: list[tuple[_Family, str, str, list[str], Callable[[Named], Iterator[Sample]]]] = [
    (
        CounterMetricFamily,
        "session_writes",
        "Writes of sessions, by what became of them.",
        ["result"],
        _by((*RESULTS, "too_large"), _writes, "pending"),
    ),
    (
        CounterMetricFamily,
        "session_ends",
        "Ends of sessions, by whether all who had copies have been told.",
        ["result"],
        _by(RESULTS, lambda kept: kept.keeper.counters.ends, "pending", "conflict", "ended"),
    ),
    (
        CounterMetricFamily,
        "session_moves",
        "Sessions that another node took over, by who had their state.",
        ["source"],
        _by(SOURCES, lambda kept: kept.keeper.counters.moves),
    ),
    (
        CounterMetricFamily,
        "session_searches",
        "Searches for sessions, by how they ended.",
        ["result"],
        _by(ENDS, lambda kept: kept.keeper.counters.searches),
    ),
    (
        CounterMetricFamily,
        "sessions_stale",
        "Sessions of which only older state was left.",
        [],
        _one(lambda kept: kept.keeper.counters.stale),
    ),
    (
        CounterMetricFamily,
        "session_conflicts",
        "Writes that were refused since another node's were newer.",
        [],
        _one(lambda kept: kept.keeper.counters.conflicts),
    ),
    (
        CounterMetricFamily,
        "replication_bytes",
        "Bytes of state sent to nodes and to the store.",
        ["target"],
        _copied,
    ),
    (
        GaugeMetricFamily,
        "replication_lag_seconds",
        "The age of the oldest write whose answer left before its copies were there.",
        [],
        _one(lambda kept: kept.lag_seconds),
    ),
    (
        GaugeMetricFamily,
        "replication_lag_bytes",
        "The state of all such writes.",
        [],
        _one(lambda kept: kept.lag_bytes),
    ),
    (
        GaugeMetricFamily,
        "session_copies",
        "Written sessions by the number of their copies, when the nodes were last compared.",
        ["copies"],
        _copies,
    ),
    (
        GaugeMetricFamily,
        "node_sessions_left",
        "Sessions that a drained node still holds and others do not.",
        ["node"],
        _left,
    ),
]
