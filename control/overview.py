"""What the admin API says of services and nodes: plain facts, read from the live objects."""

import time
from typing import TypedDict

from control.cluster import Watch
from control.keeping import Kept
from proxy.engine import Engine
from proxy.service import Node, Service
from routing.health import NodeHealth
from routing.reasons import REASON_LABELS
from routing.states import MODE_LABELS, STATE_LABELS, TAKES_NEW

COPIES = ("0", "1", "2+")
ANSWER_LABELS = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class NodeFacts(TypedDict):
    """One node; `since` in unix seconds, `sessions` seen in the last five to ten minutes.

    With the session contract also, as of the last comparison, how many it serves, and how many a drained one
    holds that are not yet safe elsewhere; else None.
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
    answers: dict[str, int]


class ServiceFacts(TypedDict):
    """One service. `available`: how many of its nodes take new sessions; `copies`: written sessions by how
    many copies they have, where nodes hold those; `oversized_cookies`: when sealed, too long for browsers.
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


def node_facts(service: Service, watch: Watch, kept: Kept | None) -> list[NodeFacts]:
    """All nodes of a service, in configured order; `kept`: by the session contract."""
    ago = time.time() - time.monotonic()
    return [
        _node(service, node, health, ago, kept)
        for node, health in zip(service.nodes, watch.health.nodes, strict=True)
    ]


def _node(service: Service, node: Node, health: NodeHealth, ago: float, kept: Kept | None) -> NodeFacts:
    view = service.router.view.nodes[node.index]
    pool = node.pool
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
        "inflight": service.inflight[node.index],
        "queue": pool.queued,
        "max_connections": pool.most,
        "connections": {"busy": len(pool.busy), "idle": len(pool.idle), "opening": pool.opening},
        "sessions": node.sightings.count(),
        "contract": kept is not None,
        "sessions_served": kept.reconciler.serving[node.index] if kept and kept.reconciler.passes else None,
        "sessions_left": kept.reconciler.left.get(node.index) if kept else None,
        "answers": dict(zip(ANSWER_LABELS, node.counters.answers, strict=True)),
    }


def service_facts(service: Service, kept: Kept | None) -> ServiceFacts:
    counters = service.counters
    return {
        "service": service.name,
        "strategy": kept.strategy if kept else "affinity",
        "nodes": len(service.nodes),
        "available": available(service),
        "inflight": sum(service.inflight),
        "decisions": dict(zip(REASON_LABELS, counters.decisions, strict=True)),
        "retries": counters.retries,
        "copies": dict(zip(COPIES, kept.reconciler.copies, strict=True))
        if kept and kept.replicated
        else None,
        "lost": counters.lost + (kept.keeper.counters.lost if kept else 0),
        "oversized_cookies": service.affinity.oversized,
    }


def available(service: Service) -> int:
    """How many nodes take new sessions."""
    return sum(TAKES_NEW[node.state] for node in service.router.view.nodes)


def without_nodes(engine: Engine) -> list[str]:
    """The services of which no node takes new sessions."""
    return [name for name, service in engine.services.items() if not available(service)]
