"""What Prometheus sees of how sessions are kept."""

from collections.abc import Iterator
from typing import Any

from control.runtime import Runtime
from routing.states import Mode
from sessions.contract.searching import Where
from sessions.contract.settling import Settled
from sessions.keeping.counters import Source, Unprotected
from tests.control.settings import runtime, service
from tests.control.test_metrics import samples_of
from tests.control.test_session_wiring import KEYS

REPLICATION = {"strategy": "replication", "fallback": "main"}


def built(sessions: dict[str, Any] | None = None) -> Runtime:
    stores = {"main": {"embedded": "/nowhere/s.db"}}
    return runtime({"shop": service(sessions=sessions or REPLICATION)}, node_keys=KEYS, stores=stores)


async def found(running: Runtime, name: str) -> dict[str, float]:
    """Samples by their one label besides the service."""

    def labelled() -> Iterator[tuple[str, float]]:
        for (sample, labels), value in samples.items():
            if sample == name:
                assert dict(labels).get("service", "shop") == "shop"
                yield next((text for label, text in labels if label != "service"), ""), value

    samples = await samples_of(running)
    return dict(labelled())


async def test_counts() -> None:
    running = built()
    counters = running.keeping.services["shop"].keeper.counters
    counters.writes[Settled.SETTLED], counters.writes[Settled.CONFLICT] = 7, 1
    counters.too_large = 9
    counters.ends[Settled.UNPROTECTED] = 2
    counters.moves[Source.OWN], counters.moves[Source.STORE] = 3, 4
    counters.searches[Where.NOT_YET] = 5
    counters.lost, counters.stale, counters.conflicts = 6, 8, 1
    running.engine.services["shop"].counters.lost = 10
    assert await found(running, "limpet_session_writes_total") == {
        "settled": 7,
        "conflict": 1,
        "ended": 0,
        "unprotected": 0,
        "too_large": 9,
    }
    assert await found(running, "limpet_session_ends_total") == {"settled": 0, "unprotected": 2}
    moves = {"own": 3, "peer": 0, "store": 4, "nobody": 0}
    assert await found(running, "limpet_session_moves_total") == moves
    assert (await found(running, "limpet_session_searches_total"))["not_yet"] == 5
    for name, value in (("sessions_lost", 16), ("sessions_stale", 8), ("session_conflicts", 1)):
        assert await found(running, f"limpet_{name}_total") == {"": value}


async def test_gauges() -> None:
    running = built()
    kept = running.keeping.services["shop"]
    kept.keeper.counters.unprotected["x"] = Unprotected(2, float("inf"))
    kept.reconciler.copies = [1, 2, 3]
    kept.reconciler.left = {1: 9}
    kept.peers[0].copied_bytes = 11
    assert kept.store is not None
    kept.store.copied_bytes = 12
    assert await found(running, "limpet_sessions_unprotected") == {"": 1}
    assert await found(running, "limpet_session_copies") == {"0": 1, "1": 2, "2+": 3}
    assert await found(running, "limpet_node_sessions_left") == {"b": 9}
    sent = {"a": 11, "b": 0, "c": 0, "store main": 12}
    assert await found(running, "limpet_replication_bytes_total") == sent
    assert await found(running, "limpet_replication_lag_seconds") == {"": 0}
    assert await found(running, "limpet_store_up") == {"main": 1}


async def test_times_are_histograms() -> None:
    running = built()
    counters = running.keeping.services["shop"].keeper.counters
    counters.settling.add(0.003)
    counters.searching.add(99.0)
    assert (await found(running, "limpet_replication_seconds_bucket"))["0.005"] == 1
    assert (await found(running, "limpet_replication_seconds_sum")) == {"": 0.003}
    searching = await found(running, "limpet_session_search_seconds_bucket")
    assert (searching["5.0"], searching["+Inf"]) == (0, 1)


async def test_copies_are_counted_only_where_nodes_hold_them() -> None:
    assert await found(built({"strategy": "store", "store": "main"}), "limpet_session_copies") == {}


async def test_a_node_that_drains_is_not_up_where_its_sessions_can_go_elsewhere() -> None:
    for sessions, up in ((REPLICATION, 0.0), ({"strategy": "affinity"}, 1.0)):
        running = built(sessions)
        running.cluster.watches["shop"].set_mode(0, Mode.DRAIN)
        assert (await found(running, "limpet_node_up"))["a"] == up
