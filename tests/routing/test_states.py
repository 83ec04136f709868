"""What nodes may be asked to do, state by state."""

import pytest

from routing.states import (
    MODE_LABELS,
    STATE_LABELS,
    TAKES_NEW,
    TAKES_PINNED,
    Mode,
    NodeState,
    takes_pinned,
)


@pytest.mark.parametrize(
    ("state", "label", "new", "pinned"),
    [
        (NodeState.UP, "up", True, True),
        (NodeState.DOWN, "down", False, False),
        (NodeState.SYNCING, "syncing", False, False),
        (NodeState.DRAIN, "drain", False, True),
        (NodeState.MAINT, "maint", False, False),
    ],
)
def test_each_state(state: NodeState, label: str, new: bool, pinned: bool) -> None:
    assert (STATE_LABELS[state], TAKES_NEW[state], TAKES_PINNED[state]) == (label, new, pinned)


def test_every_state_is_in_every_table() -> None:
    assert len(STATE_LABELS) == len(TAKES_NEW) == len(TAKES_PINNED) == len(NodeState)
    assert [MODE_LABELS[mode] for mode in Mode] == ["ready", "drain", "maint"]


def test_only_a_node_without_the_contract_keeps_its_pins_while_it_drains() -> None:
    assert takes_pinned(False)[NodeState.DRAIN]
    assert not takes_pinned(True)[NodeState.DRAIN]
    assert takes_pinned(True)[NodeState.UP]
    assert not any(takes_pinned(contract)[NodeState.SYNCING] for contract in (False, True))
