"""Services and session ids for the routing tests."""

from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from random import Random

from routing.ring import Ring
from routing.router import Router
from routing.states import NodeState
from routing.view import NodeView, ServiceView


@cache
def ring(weights: tuple[tuple[str, int], ...], points: int) -> Ring:
    return Ring(dict(weights), points)


def view(
    nodes: Iterable[NodeView], *, points: int = 100, bounded_load: float = 1.25, strict: bool = False
) -> ServiceView:
    nodes = tuple(nodes)
    weights = tuple((node.name, node.weight) for node in nodes)
    return ServiceView("shop", nodes, ring(weights, points), bounded_load, strict)


def router(nodes: Iterable[NodeView], **options: float) -> Router:
    return Router(view(nodes, **options), Random(1).random)  # type: ignore[arg-type]


def nodes(*states: NodeState) -> tuple[NodeView, ...]:
    """Nodes n0, n1, ... in these states."""
    return tuple(NodeView(f"n{i}", state) for i, state in enumerate(states))


def up(count: int) -> tuple[NodeView, ...]:
    return nodes(*[NodeState.UP] * count)


def ids(count: int, seed: str = "") -> list[str]:
    """As good as random, and the same each time."""
    return [sha256(f"{seed}{i}".encode()).hexdigest()[:22] for i in range(count)]


def spread(choose: Callable[[str], int], keys: Iterable[str], count: int) -> list[int]:
    """How many of the keys go to each of the nodes."""
    found = [0] * count
    for key in keys:
        found[choose(key)] += 1
    return found
