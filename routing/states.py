"""What a node may be asked to do in each of its states."""

from enum import IntEnum


class NodeState(IntEnum):
    UP = 0
    DOWN = 1
    SYNCING = 2  # back, but it does not yet know which sessions moved on without it
    DRAIN = 3  # keeps the sessions it has (a node without the contract), gets no new ones
    MAINT = 4


class Mode(IntEnum):
    """What the operator asked for."""

    READY = 0
    DRAIN = 1
    MAINT = 2


class Membership(IntEnum):
    """Whether the configuration has a node, whose index stays its own for as long as anybody may use it."""

    MEMBER = 0
    LEAVING = 1  # it has been taken out: its sessions go elsewhere, with their state where that can be had
    GONE = 2  # nothing is left of it there


STATE_LABELS: tuple[str, ...] = tuple(state.name.lower() for state in NodeState)
MODE_LABELS: tuple[str, ...] = tuple(mode.name.lower() for mode in Mode)

#                                 up     down   syncing drain  maint
TAKES_NEW: tuple[bool, ...] = (True, False, False, False, False)
TAKES_PINNED: tuple[bool, ...] = (True, False, False, True, False)


def takes_pinned(contract: bool) -> tuple[bool, ...]:
    """By state, whether a node is given the sessions that are pinned to it.

    `contract`: it speaks the session contract, so that its sessions can go elsewhere with their state.
    """
    return TAKES_NEW if contract else TAKES_PINNED
