"""Decisions for services whose nodes speak the session contract: what drains gives its sessions away."""

from dataclasses import replace
from itertools import product
from random import Random

import pytest

from routing.reasons import Reason
from routing.router import NOBODY, PIN_GONE, Router
from routing.states import TAKES_NEW, NodeState
from tests.routing.services import ids, nodes, view

UP, DOWN, SYNCING, DRAIN, MAINT = NodeState
STATES = list(product(NodeState, repeat=3))
IDLE = [0, 0, 0]


def router(states: tuple[NodeState, ...], strict: bool = False, sticky: bool = True) -> Router:
    return Router(
        replace(view(nodes(*states), strict=strict), contract=True, sticky=sticky), Random(1).random
    )


def decided(decider: Router, session: str, pin: int) -> tuple[int, Reason]:
    """What must be decided, written down once more."""
    states = [node.state for node in decider.view.nodes]
    if pin >= 0 and states[pin] is UP:
        return pin, Reason.STICKY
    first = next((node for node in decider.view.ring.order(session) if TAKES_NEW[states[node]]), -1)
    leaving = pin >= 0 and states[pin] is DRAIN
    if first < 0 or (decider.view.strict and not leaving):
        return NOBODY
    drained = pin >= 0 and states[pin] in (DRAIN, MAINT)
    return first, Reason.DRAINED if drained else Reason.FAILOVER


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("states", STATES)
def test_only_a_node_that_is_up_keeps_its_pins(states: tuple[NodeState, ...], strict: bool) -> None:
    decider = router(states, strict)
    for pin, session in product((0, 1, 2, PIN_GONE), ids(5)):
        assert decider.decide(session, pin, IDLE, 0) == decided(decider, session, pin)


def test_without_stickiness_a_session_goes_to_whom_has_the_least_to_do() -> None:
    decider = router((UP, UP, DOWN), sticky=False)
    assert {decider.decide(session, 0, [9, 0, 0], 0) for session in ids(20)} == {(1, Reason.BALANCED)}
    assert decider.decide("x", 0, IDLE, 0b011) == NOBODY
