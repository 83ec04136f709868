"""What a router knows of a service at one moment: immutable, replaced whole when anything changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from routing.ring import Placed, Ring, place
from routing.states import Membership, NodeState


@dataclass(frozen=True)
class NodeView:
    name: str
    state: NodeState = NodeState.UP
    weight: int = 1
    share: float = 1.0  # weight x slow-start factor (0.1 to 1): what bounded load goes by
    backup: bool = False  # gets requests only while no other node is available
    membership: Membership = Membership.MEMBER

    def seen(self, state: NodeState, factor: float) -> "NodeView":
        """As it is now; the same object where nothing has changed: another takes 2 us of each node."""
        share = self.weight * factor
        if self.state is state and self.share == share:
            return self
        return replace(self, state=state, share=share)


@dataclass(frozen=True)
class ServiceView:
    """`nodes` by index; `ring` over all members, available or not."""

    service: str
    nodes: tuple[NodeView, ...]
    ring: Ring
    bounded_load: float = 1.25  # a node above this many times the mean gets no new sessions
    strict: bool = False  # on_unavailable: strict
    contract: bool = False  # its nodes speak the session contract: one that drains keeps no pins
    sticky: bool = True  # False: a store has every session, and any node serves any request
    points: int = 0  # of the ring, for a weight of 1


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
    return ServiceView(service, nodes, ring_of(nodes, points), bounded_load, strict, contract, sticky, points)


def ring_of(nodes: Sequence[NodeView], points: int, placed: Placed | None = None) -> Ring:
    """The ring of those that the configuration has; `placed`: its points, where they are known already."""
    members = ringed(nodes)
    weights = {name: weight for _, name, weight in members}
    if placed is None or placed.weights != weights or placed.points != points:
        placed = place(weights, points)
    index = {name: i for i, name, _ in members}
    return Ring(placed.weights, points, [index[name] for name in placed.weights], placed)


def ringed(nodes: Sequence[NodeView]) -> list[tuple[int, str, int]]:
    """What a ring depends on, besides its points: index, name and weight of its members."""
    return [
        (i, node.name, node.weight) for i, node in enumerate(nodes) if node.membership is Membership.MEMBER
    ]
