"""What the admin API says of services and nodes: plain facts, read from the live objects."""

import time
from collections.abc import Iterator
from typing import TypedDict

from control.cluster import Watch
from control.keeping import Kept
from control.pace import Pace, Paces, answered
from control.reload import Loading
from proxy.engine import Engine
from proxy.service import Node, Service
from routing.health import NodeHealth
from routing.reasons import REASON_LABELS
from routing.states import MODE_LABELS, STATE_LABELS, TAKES_NEW
from sessions.contract.settling import Settled
from sessions.keeping.counters import KeepingCounters, Source

COPIES = ("0", "1", "2+")
RESULTS = tuple(settled.name.lower() for settled in Settled)
SOURCES = tuple(source.name.lower() for source in Source)
ANSWER_LABELS = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class NodeFacts(TypedDict):
    """One node; `since` in unix seconds, `sessions` seen in the last five to ten minutes.

    With the session contract also, as of the last comparison, how many it serves, how many a drained one
    holds that are not yet safe elsewhere, and of how many it holds a copy; else None.
    """

    service: str
    node: str
    address: str
    state: str
    why: str
    since: float
    mode: str
    ejections: int
    weight: int
    share: float
    backup: bool
    inflight: int
    queue: int
    max_connections: int | None
    connections: dict[str, int]
    sessions: int
    contract: bool
    sessions_served: int | None
    sessions_left: int | None
    copies_held: int | None
    answers: dict[str, int]
    requests_per_second: float
    errors_per_second: float


class ServiceFacts(TypedDict):
    """One service. `available`: how many of its nodes take new sessions; `copies`: written sessions by how
    many copies they have, where nodes hold those; `oversized_cookies`: when sealed, too long for browsers.

    From `writes` on: None without the session contract, but for `sessions`, which are then those seen lately.
    """

    service: str
    strategy: str
    nodes: int
    available: int
    inflight: int
    decisions: dict[str, int]
    retries: int
    copies: dict[str, int] | None
    lost: int
    oversized_cookies: int
    requests: int
    requests_per_second: float
    errors_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    bytes_in: int
    bytes_out: int
    sessions: int
    writes: dict[str, int] | None
    moves: dict[str, int] | None
    unprotected: int | None
    stale: int | None
    conflicts: int | None
    copied_bytes: int | None
    store: str | None


class ConfigFacts(TypedDict):
    """The configuration file, and how it was last read; times are unix seconds.

    `loaded`: when it was last good; `tried`: when it was last read, `by` whom; `problems`: what was wrong.
    """

    file: str
    ok: bool
    loaded: float
    tried: float
    by: str
    problems: list[str]


def config_facts(loading: Loading) -> ConfigFacts:
    return {
        "file": loading.file,
        "ok": loading.ok,
        "loaded": round(loading.loaded, 3),
        "tried": round(loading.tried, 3),
        "by": loading.by,
        "problems": list(loading.problems),
    }


def node_facts(service: Service, watch: Watch, kept: Kept | None, paces: Paces) -> Iterator[NodeFacts]:
    """All nodes of a service, those that are leaving among them; `kept`: by the session contract."""
    ago = time.time() - time.monotonic()
    for node in service.present:
        pace = paces.node(service.name, node.name)
        yield _node(service, node, watch.health.nodes[node.index], ago, kept, pace)


def _node(
    service: Service, node: Node, health: NodeHealth, ago: float, kept: Kept | None, pace: Pace
) -> NodeFacts:
    view = service.router.view.nodes[node.index]
    connections = node.connections
    compared = kept.reconciler if kept and kept.reconciler.passes else None
    return {
        "service": service.name,
        "node": node.name,
        "address": f"unix:{node.address.path}" if node.address.path else node.authority.decode(),
        "state": STATE_LABELS[health.state],
        "why": health.why,
        "since": round(health.since + ago, 3),
        "mode": MODE_LABELS[health.mode],
        "ejections": health.ejections,
        "weight": view.weight,
        "share": view.share,
        "backup": view.backup,
        "inflight": service.everywhere[node.index],
        "queue": connections.queued,
        "max_connections": node.pool.most,
        "connections": {
            "busy": connections.busy,
            "idle": connections.idle,
            "opening": connections.opening,
        },
        "sessions": node.sightings.count(),
        "contract": kept is not None,
        "sessions_served": compared.serving[node.index] if compared else None,
        "sessions_left": kept.reconciler.left.get(node.index) if kept else None,
        "copies_held": compared.holding[node.index] if compared else None,
        "answers": dict(zip(ANSWER_LABELS, node.counters.answers, strict=True)),
        "requests_per_second": pace.requests,
        "errors_per_second": pace.errors,
    }


def service_facts(service: Service, kept: Kept | None, pace: Pace) -> ServiceFacts:
    counters = service.counters
    keeping = kept.keeper.counters if kept else None
    return {
        "service": service.name,
        "strategy": kept.strategy if kept else "affinity",
        "nodes": len(service.present),
        "available": available(service),
        "inflight": sum(service.everywhere),
        "decisions": dict(zip(REASON_LABELS, counters.decisions, strict=True)),
        "retries": counters.retries,
        "copies": dict(zip(COPIES, kept.reconciler.copies, strict=True))
        if kept and kept.replicated
        else None,
        "lost": lost(service, kept),
        "oversized_cookies": service.affinity.oversized,
        "requests": answered(service),
        "requests_per_second": pace.requests,
        "errors_per_second": pace.errors,
        "p50_ms": pace.p50_ms,
        "p99_ms": pace.p99_ms,
        "bytes_in": counters.bytes_in,
        "bytes_out": counters.bytes_out,
        "sessions": sessions(service, kept),
        "writes": _writes(keeping) if keeping else None,
        "moves": dict(zip(SOURCES, keeping.moves, strict=True)) if keeping else None,
        "unprotected": keeping.unprotected_now(time.monotonic()) if keeping else None,
        "stale": keeping.stale if keeping else None,
        "conflicts": keeping.conflicts if keeping else None,
        "copied_bytes": _copied(kept) if kept else None,
        "store": kept.store.name if kept and kept.store else None,
    }


def lost(service: Service, kept: Kept | None) -> int:
    """Sessions of which it had to be said that their state is nowhere."""
    return service.counters.lost + (kept.keeper.counters.lost if kept else 0)


def sessions(service: Service, kept: Kept | None) -> int:
    """That nodes serve, as of the last comparison; without the session contract, those seen lately."""
    if kept and kept.reconciler.passes:
        return kept.reconciler.serving.total()
    return sum(node.sightings.count() for node in service.nodes)


def _writes(counters: KeepingCounters) -> dict[str, int]:
    counts = dict(zip(RESULTS, counters.writes, strict=True)) | {"too_large": counters.too_large}
    del counts["pending"]
    return counts


def _copied(kept: Kept) -> int:
    return sum(kept.copied(index) for index in range(len(kept.peers))) + kept.stored


def available(service: Service) -> int:
    """How many nodes take new sessions."""
    return sum(TAKES_NEW[node.state] for node in service.router.view.nodes)


def without_nodes(engine: Engine) -> list[str]:
    """The services of which no node takes new sessions."""
    return [name for name, service in engine.services.items() if not available(service)]
