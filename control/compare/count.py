"""From what was seen to what was found: counts, percentiles, a timeline."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from control.compare.load import Load
from control.compare.plan import CALM, Plan
from control.compare.play import Record
from control.compare.results import (
    SLICE_SECONDS,
    Found,
    NodeDeath,
    Slice,
    StoreOutage,
    percentile,
    percentiles,
)
from control.compare.visitors import READ, WRITE, Visit


def found(plan: Plan, record: Record, load: Load) -> Found:
    """Of one strategy."""
    visits, strategy, end = load.visits, load.strategy, record.scrapes["end"]
    calm = [visit for visit in visits if visit.answered and within(visit, record.calm)]
    return Found(
        strategy=strategy,
        sessions=len(load.visitors),
        requests=len(visits),
        failed=sum(not visit.answered for visit in visits),
        sessions_lost=sum(visit.session_lost for visit in visits),
        sessions_lost_metric=int(end.total("limpet_sessions_lost_total", service=strategy)),
        writes_acknowledged=sum(visit.answered and visit.method == WRITE for visit in visits),
        writes_lost=sum(visit.writes_lost for visit in visits),
        writes_unprotected=sum(visit.unprotected for visit in visits),
        reads=percentiles([visit.seconds for visit in calm if visit.method == READ]),
        writes=percentiles([visit.seconds for visit in calm if visit.method == WRITE]),
        copied_bytes_per_write=_copied_bytes(record, strategy, calm),
        node_bytes_per_session=_rounded(record.node_bytes.get(strategy)),
        store_bytes_per_session=_rounded(record.store_bytes) if strategy == "store" else None,
        node_death=_node_death(record, load),
        store_outage=_store_outage(record, load) if plan.stored else None,
        timeline=timeline(visits, record.loaded),
    )


def within(visit: Visit, window: tuple[float, float]) -> bool:
    """Whether it was over in that time."""
    return window[0] <= visit.ended < window[1]


def timeline(visits: Iterable[Visit], window: tuple[float, float]) -> tuple[Slice, ...]:
    """Slices of that time in which anything has happened, by when requests ended."""
    slices: dict[int, list[Visit]] = defaultdict(list)
    for visit in visits:
        if within(visit, window):
            slices[int((visit.ended - window[0]) / SLICE_SECONDS)].append(visit)
    return tuple(_slice(index, slices[index]) for index in sorted(slices))


def _slice(index: int, visits: Sequence[Visit]) -> Slice:
    answered = [visit.seconds for visit in visits if visit.answered]
    p50 = percentile(answered, 0.5)
    return Slice(
        at=index * SLICE_SECONDS,
        answered=len(answered),
        failed=len(visits) - len(answered),
        sessions_lost=sum(visit.session_lost for visit in visits),
        p50_ms=None if p50 is None else round(p50 * 1000, 3),
        slowest_ms=round(max(answered) * 1000, 3) if answered else None,
    )


def _node_death(record: Record, load: Load) -> NodeDeath:
    """Until the node was started again; what fails after that has other reasons."""
    window = (record.killed, record.restarted)
    failed = [visit for visit in load.visits if not visit.answered and within(visit, window)]
    last = max(visit.ended for visit in failed) - record.killed if failed else None
    copied = record.copied_at - record.killed if record.copied_at is not None else None
    return NodeDeath(
        sessions=record.on_victim[load.strategy],
        failed=len(failed),
        failing_seconds=_rounded(last, 3),
        copied_seconds=_rounded(copied, 3) if load.strategy == "replication" else None,
    )


def _store_outage(record: Record, load: Load) -> StoreOutage:
    window, strategy = (record.away, record.returned), load.strategy
    visits = [visit for visit in load.visits if within(visit, window)]
    recovered = record.recovered_at - record.returned if record.recovered_at is not None else None
    return StoreOutage(
        failed=sum(not visit.answered for visit in visits),
        writes=sum(visit.answered and visit.method == WRITE for visit in visits),
        unprotected=sum(visit.unprotected for visit in visits),
        recovered_seconds=_rounded(recovered, 3) if strategy == "store" else None,
    )


def _copied_bytes(record: Record, strategy: str, calm: Sequence[Visit]) -> float:
    before, after = (
        record.scrapes[name].total("limpet_replication_bytes_total", service=strategy)
        for name in ("begin", CALM.name)
    )
    writes = sum(visit.method == WRITE for visit in calm)
    return round((after - before) / writes, 1) if writes else 0.0


def _rounded(value: float | None, digits: int = 0) -> float | None:
    return None if value is None else round(value, digits)
