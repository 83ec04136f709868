"""Finds nodes that keep their sessions in one place: a copy on the other one would be none."""

import asyncio
from collections.abc import Sequence

from control.cluster import Watch
from control.comparison import Lister
from routing.states import Membership, NodeState

_SHARED = "shares its sessions with {}: each node needs a place of its own for them, as a file"


class Twins:
    """Of one service. Of nodes that say the same name for where they keep their sessions one takes part."""

    def __init__(self, watch: Watch, nodes: Sequence[Lister]) -> None:
        self._watch = watch
        self._nodes = nodes
        self._met: dict[int, int] = {}  # by node how often it had come back when it was asked

    async def meet(self) -> None:
        """Ask those that are new here, or back, who they are, before anything is made of their lists."""
        nodes = self._watch.health.nodes[: len(self._nodes)]
        new = {i: n.returns for i, n in enumerate(nodes) if n.answering and self._met.get(i) != n.returns}
        told = await asyncio.gather(*(self._nodes[node].entries("", 1) for node in new))
        self._met |= {node: new[node] for node, said in zip(new, told, strict=True) if said is not None}
        self.part()

    def part(self) -> None:
        """Take out all but one of those that have said the same."""
        health, firsts = self._watch.health, self._firsts()
        for node, other in [(i, firsts.get(each.keeps_as, i)) for i, each in enumerate(self._nodes)]:
            if other != node and health.nodes[node].answering and self._takes_part(node):
                self._watch.contract_missing(node, self._why(other))

    def why(self, node: int) -> str:
        """Why a node that was taken out stays so; "": it need not, for all that is known here."""
        other = self._firsts().get(self._nodes[node].keeps_as, node)
        return "" if other == node else self._why(other)

    def _firsts(self) -> dict[bytes, int]:
        """By name the node that takes part: one that is up, else the first."""
        nodes, firsts = self._watch.health.nodes, dict[bytes, int]()
        there = [i for i in range(len(self._nodes)) if nodes[i].answering and self._takes_part(i)]
        for node in sorted(there, key=lambda i: nodes[i].state is not NodeState.UP):
            if self._nodes[node].keeps_as:
                firsts.setdefault(self._nodes[node].keeps_as, node)
        return firsts

    def _takes_part(self, node: int) -> bool:
        """One that is leaving may have been given another name."""
        return self._watch.health.nodes[node].membership is Membership.MEMBER

    def _why(self, other: int) -> str:
        return _SHARED.format(self._watch.node_names[other])
