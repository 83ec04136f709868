"""What a place to look in for nodes has to be: looked at again and again, it says what is there now."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple, Protocol

from config.addresses import NodeUrl
from config.discovery_settings import Discover
from config.settings import Node


class DiscoveryError(Exception):
    """Nothing could be found out; the message says why."""


class Found(NamedTuple):
    """What a look has shown: at least one node. `ttl`: seconds that this is good for.

    `problems`: what else was there, and could not be used.
    """

    nodes: tuple[Node, ...]
    ttl: float = inf
    problems: tuple[str, ...] = ()


class Source(Protocol):
    """One service's place to look in."""

    async def look(self) -> Found:
        """Raises DiscoveryError, also where there is nothing: nodes that are known are better than none."""


def node_at(
    discover: Discover,
    name: str,
    place: tuple[str, int],
    weight: int = 1,
    backup: bool = False,
) -> Node:
    """A node at a host (an IPv6 address without its brackets) and port, with what all of them have."""
    host, port = place
    secure = discover.scheme == "https"
    told = discover.sessions_port
    return Node.model_construct(
        name=name,
        url=NodeUrl(host, port, secure=secure),
        weight=weight,
        max_connections=discover.max_connections,
        backup=backup,
        sessions_url=NodeUrl(host, told, secure=secure) if told else None,
    )


def in_order(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The same whatever order they were found in."""
    return tuple(sorted(nodes, key=lambda node: (node.name, str(node.url))))
