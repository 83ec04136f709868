"""What a router knows of a service at one moment: immutable, replaced whole when anything changes."""

from dataclasses import dataclass

from routing.ring import Ring
from routing.states import NodeState


@dataclass(frozen=True, slots=True)
class NodeView:
    name: str
    state: NodeState = NodeState.UP
    weight: int = 1
    share: float = 1.0  # weight x slow-start factor (0.1 to 1): what bounded load goes by
    backup: bool = False  # gets requests only while no other node is available


@dataclass(frozen=True, slots=True)
class ServiceView:
    """`nodes` in configured order; `ring` over all of them, available or not."""

    service: str
    nodes: tuple[NodeView, ...]
    ring: Ring
    bounded_load: float = 1.25  # a node above this many times the mean gets no new sessions
    strict: bool = False  # on_unavailable: strict
    contract: bool = False  # its nodes speak the session contract: one that drains keeps no pins
    sticky: bool = True  # False: a store has every session, and any node serves any request


def service_view(
    service: str,
    nodes: tuple[NodeView, ...],
    points: int,
    bounded_load: float = 1.25,
    strict: bool = False,
    contract: bool = False,
    sticky: bool = True,
) -> ServiceView:
    """A view with its ring built (about 1.5 us a point: once for each set of names and weights)."""
    ring = Ring({node.name: node.weight for node in nodes}, points)
    return ServiceView(service, nodes, ring, bounded_load, strict, contract, sticky)
