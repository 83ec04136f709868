"""A view is a value: equal when its parts are, and never changed."""

from dataclasses import FrozenInstanceError

import pytest

from routing.states import NodeState
from routing.view import NodeView, service_view

NODES = (NodeView("a"), NodeView("b", weight=3, share=3.0), NodeView("c", NodeState.DOWN, backup=True))


def test_the_ring_has_every_node_by_its_weight_whatever_its_state() -> None:
    view = service_view("shop", NODES, points=100)
    found = [view.ring.first(str(i)) for i in range(5000)]
    assert found.count(2) > 700
    assert found.count(1) > 2 * found.count(0)


def test_nothing_in_it_can_be_changed() -> None:
    view = service_view("shop", NODES, points=10, bounded_load=2.0, strict=True)
    assert (view.service, view.nodes, view.bounded_load, view.strict) == ("shop", NODES, 2.0, True)
    for thing, name in ((view, "nodes"), (view.nodes[0], "state")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, None)
