"""Results made by hand, for whatever shows them."""

from control.compare.results import (
    Event,
    Found,
    NodeDeath,
    Percentiles,
    Results,
    Slice,
    StoreOutage,
)


def found(strategy: str, *, lost: int = 0, lost_metric: int | None = None, failed: int = 0) -> Found:
    return Found(
        strategy=strategy,
        sessions=1000,
        requests=4500,
        failed=failed,
        sessions_lost=lost,
        sessions_lost_metric=lost if lost_metric is None else lost_metric,
        writes_acknowledged=1500,
        writes_lost=2 * lost,
        writes_unprotected=7,
        reads=Percentiles(1.25, 4.5),
        writes=Percentiles(None, None) if strategy == "affinity" else Percentiles(2.25, 6.5),
        copied_bytes_per_write=1530.0,
        node_bytes_per_session=None if strategy == "affinity" else 3500.0,
        store_bytes_per_session=1624.0 if strategy == "store" else None,
        node_death=NodeDeath(330, failed, 0.123 if failed else None, 0.9),
        store_outage=StoreOutage(0, 80, 70, 1.5),
        timeline=(
            Slice(0.0, 25, 0, 0, 1.2, 4.0),
            Slice(0.25, 20, failed, lost, 1.3, 40.0),
            Slice(0.5, 0, 1, 0, None, None),
        ),
    )


def results(*strategies: Found) -> Results:
    return Results(
        command="limpet compare --seconds 40 --sessions 1000",
        began="2026-11-22T02:00:00+00:00",
        machine="a machine",
        version="0.1.0",
        seconds=40.0,
        rate=100.0,
        late_ms=0.7,
        store="a file",
        events=(Event(0.2, "node b killed"), Event(0.4, "node b started"), Event(0.5, "store gone")),
        strategies=strategies,
    )
