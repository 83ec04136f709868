"""The sentence that sums up where a session would go, and what it finds there."""

from typing import Any

import pytest

from control.explanation import GONE, Explanation, because
from control.whereabouts import Holder
from routing.states import NodeState
from routing.view import NodeView, ServiceView, service_view

FIRST = "It is pinned to a, which is down: b is the first in its order that may take it. "


def view(strict: bool = False) -> ServiceView:
    states = (NodeState.DOWN, NodeState.UP, NodeState.UP)
    nodes = tuple(NodeView(name, state) for name, state in zip("abc", states, strict=True))
    return service_view("shop", nodes, 10, strict=strict)


def holder(where: str, answer: str = "held", version: int = 0, serving: bool = False) -> Holder:
    held = answer == "held"
    return Holder(
        where=where,
        answer=answer,
        version=version if held else None,
        bytes=1 if held else None,
        serving=serving if held else None,
    )


def explanation(**more: Any) -> Explanation:
    known: dict[str, Any] = {"known_by": "token", "pin": "a", "pin_state": "down", "version": 7}
    known |= {"node": "b", "reason": "failover", "holders": None}
    return known | more  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("holders", "text"),
    [
        ([holder("b", version=7), holder("c", "none")], "b has a copy of its state, at version 7, and takes"),
        ([holder("b", version=6), holder("c", version=7)], "b takes it over with the state that c has"),
        (
            [holder("b", "none"), holder("store main", version=9)],
            "the state that store main has, at version 9",
        ),
        ([holder("b", version=8, serving=True)], "b serves it, at version 8."),
        ([holder("b", version=7), holder("c", version=8, serving=True)], "It is served by c, and follows it"),
        ([holder("a", "away"), holder("c", "silent")], "it is waited for (a, c)."),
        ([holder("b", version=6), holder("c", "none")], "it is stale, or lost."),
        ([holder("b", version=8), holder("c", "ended")], "But the session has ended"),
    ],
)
def test_what_becomes_of_its_state(holders: list[Holder], text: str) -> None:
    told = because(explanation(holders=holders), view())
    assert told.startswith(FIRST)
    assert text in told


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({"known_by": "expired token", "node": None, "reason": "new"}, "Its time is over"),
        ({"node": None, "reason": "none"}, "No node may take it now."),
        ({"pin": GONE, "pin_state": None}, "Its node is no longer configured: b is the first"),
        ({"pin": "b", "pin_state": "up", "reason": "sticky"}, "It is pinned to b, which is up."),
        ({"reason": "hashed"}, "b is the first available node in the order of its key."),
        ({"reason": "balanced"}, "this time it would be b."),
        ({"reason": "new", "version": None, "holders": [holder("b", "none")]}, "has no pin: b is the first"),
        ({"reason": "new", "version": None, "holders": [holder("b", "none")]}, "Nobody has any state of it"),
    ],
)
def test_why_it_would_go_there(known: dict[str, Any], text: str) -> None:
    assert text in because(explanation(**known), view())


def test_a_strict_service_says_so() -> None:
    assert "strict" in because(explanation(node=None, reason="none"), view(strict=True))
