"""Who takes which part of the ring."""

from dataclasses import replace

from control.dashboard.arcs import NOBODY, PARTS, owners
from routing.states import NodeState
from routing.view import NodeView, ServiceView, service_view

NODES = (NodeView("a"), NodeView("b", weight=2), NodeView("c"), NodeView("d", backup=True))
VIEW = service_view("shop", NODES, 500)


def with_states(**states: NodeState) -> ServiceView:
    return replace(
        VIEW, nodes=tuple(replace(node, state=states.get(node.name, node.state)) for node in NODES)
    )


def test_parts_follow_the_weights_and_a_backup_has_none() -> None:
    parts = owners(VIEW)
    assert len(parts) == PARTS
    shares = [parts.count(node) / PARTS for node in range(4)]
    assert all(abs(share - wanted) < 0.1 for share, wanted in zip(shares, (0.25, 0.5, 0.25, 0), strict=True))


def test_a_node_that_goes_gives_away_its_own_parts_only_and_gets_them_back() -> None:
    before, after = owners(VIEW), owners(with_states(b=NodeState.DOWN))
    assert [new for old, new in zip(before, after, strict=True) if old != 1] == [x for x in before if x != 1]
    inherited = {new for old, new in zip(before, after, strict=True) if old == 1}
    assert inherited == {0, 2}
    assert owners(with_states(b=NodeState.UP)) == before


def test_backups_while_there_is_no_other_and_then_nobody() -> None:
    down = dict.fromkeys("abc", NodeState.DOWN)
    assert set(owners(with_states(**down))) == {3}
    assert set(owners(with_states(**down, d=NodeState.MAINT))) == {NOBODY}
