"""Which index each node has: its own for as long as anybody may use it, and then another's."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from config.settings import Node
from routing.states import Membership


class Slot(NamedTuple):
    """A node at its index. Pins, lists and exchanges under way go by the index, so nobody moves."""

    node: Node
    membership: Membership = Membership.MEMBER


def assign(slots: Sequence[Slot], nodes: Sequence[Node], free: Collection[int] = ()) -> tuple[Slot, ...]:
    """The slots for these nodes: who is known by name keeps its own, who is not there any more is leaving.

    A new node gets one of the `free` slots, of which nothing is left, or one more.
    """
    named = {slot.node.name: index for index, slot in enumerate(slots)}
    after = [Slot(slot.node, max(slot.membership, Membership.LEAVING)) for slot in slots]
    known = {node.name for node in nodes} & named.keys()
    places = iter(sorted(index for index in free if slots[index].node.name not in known))
    for node in nodes:
        index = named.get(node.name, -1)
        if index < 0:
            index = next(places, len(after))
        after[index : index + 1] = [Slot(node)]
    return tuple(after)


def members(slots: Sequence[Slot]) -> list[Node]:
    """The nodes that the configuration has."""
    return [slot.node for slot in slots if slot.membership is Membership.MEMBER]


def let_go(slots: Sequence[Slot], gone: Collection[int]) -> tuple[Slot, ...]:
    """The slots when nothing is left of some of the leaving nodes."""
    return tuple(
        Slot(slot.node, Membership.GONE) if index in gone and slot.membership is Membership.LEAVING else slot
        for index, slot in enumerate(slots)
    )
