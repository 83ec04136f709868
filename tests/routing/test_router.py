"""Decisions, case by case and over every combination of states."""

from dataclasses import replace
from itertools import product
from random import Random

import pytest

from routing.reasons import Reason
from routing.router import NOBODY, PIN_GONE, PIN_UNKNOWN, Router
from routing.states import TAKES_NEW, TAKES_PINNED, Membership, NodeState
from routing.view import NodeView, service_view
from tests.routing.services import ids, nodes, router, spread, up, view

UP, DOWN, SYNCING, DRAIN, MAINT = NodeState
STATES = list(product(NodeState, repeat=3))
IDLE = [0, 0, 0]
SESSIONS = ids(40)


def in_order(decider: Router, key: str, tried: int = 0) -> list[int]:
    """The nodes that may get something new and are not tried, as the key prefers them."""
    states = [node.state for node in decider.view.nodes]
    return [i for i in decider.view.ring.order(key) if TAKES_NEW[states[i]] and not tried >> i & 1]


def pinned(decider: Router, session: str, pin: int, tried: int = 0) -> tuple[int, Reason]:
    """What must be decided, written down once more."""
    strict = decider.view.strict
    if pin >= 0 and TAKES_PINNED[decider.view.nodes[pin].state] and not tried >> pin & 1:
        return pin, Reason.STICKY
    others = in_order(decider, session, tried)
    if strict or not others:
        return NOBODY
    drained = pin >= 0 and decider.view.nodes[pin].state is MAINT
    return others[0], Reason.DRAINED if drained else Reason.FAILOVER


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("states", STATES)
def test_a_session_goes_to_its_pin_or_the_first_in_its_order(
    states: tuple[NodeState, ...], strict: bool
) -> None:
    decider = router(nodes(*states), strict=strict)
    for pin, tried, session in product((0, 1, 2, PIN_GONE), range(8), SESSIONS[:5]):
        assert decider.decide(session, pin, IDLE, tried) == pinned(decider, session, pin, tried)


@pytest.mark.parametrize("states", STATES)
def test_a_new_session_on_idle_nodes_goes_to_the_first_in_its_order(states: tuple[NodeState, ...]) -> None:
    decider = router(nodes(*states))
    for tried, session in product(range(8), SESSIONS[:5]):
        others = in_order(decider, session, tried)
        expected = (others[0], Reason.NEW) if others else NOBODY
        assert decider.decide_new(session, "", IDLE, 0.0, tried) == expected
        assert decider.decide(session, PIN_UNKNOWN, IDLE, tried) == expected


@pytest.mark.parametrize("states", STATES)
def test_a_foreign_key_goes_to_the_first_in_its_order_whatever_the_load(
    states: tuple[NodeState, ...],
) -> None:
    decider = router(nodes(*states))
    for tried, key in product(range(8), SESSIONS[:5]):
        others = in_order(decider, key, tried)
        expected = (others[0], Reason.HASHED) if others else NOBODY
        assert decider.decide_hashed(key, [1000, 0, 0], tried) == expected


@pytest.mark.parametrize("states", STATES)
def test_a_foreign_key_under_strict_has_one_node_or_none(states: tuple[NodeState, ...]) -> None:
    decider = router(nodes(*states), strict=True)
    for tried, key in product(range(8), SESSIONS[:5]):
        home = decider.view.ring.first(key)
        may = TAKES_PINNED[states[home]] and not tried >> home & 1
        assert decider.decide_hashed(key, IDLE, tried) == ((home, Reason.HASHED) if may else NOBODY)


@pytest.mark.parametrize("states", STATES)
def test_balancing_reaches_all_that_are_open_and_nobody_else(states: tuple[NodeState, ...]) -> None:
    decider = router(nodes(*states))
    for tried in range(8):
        found = {decider.decide_balanced(IDLE, tried) for _ in range(60)}
        others = in_order(decider, "", tried)
        assert found == ({(node, Reason.BALANCED) for node in others} if others else {NOBODY})


def test_backups_are_for_when_nobody_else_is_left() -> None:
    spare = (NodeView("n2", backup=True), NodeView("n3", backup=True))
    full = router((*up(2), *spare))
    idle = [0] * 4
    for session in SESSIONS:
        assert full.decide_new(session, "", idle, 0.0, 0)[0] in (0, 1)
        assert full.decide_new(session, "", [50, 50, 0, 0], 0.0, 0)[0] in (0, 1)
        assert full.decide(session, 0, idle, 0b01) == (1, Reason.FAILOVER)
        assert full.decide(session, 0, idle, 0b11)[0] in (2, 3)
        assert full.decide_hashed(session, idle, 0)[0] in (0, 1)
        assert full.decide_balanced(idle, 0b11)[0] in (2, 3)
    out = router((*nodes(DOWN, MAINT), *spare))
    assert set(spread(lambda s: out.decide_new(s, "", idle, 0.0, 0)[0], SESSIONS, 4)[2:]) != {0}
    assert out.decide_new("x", "", idle, 0.0, 0b1111) == NOBODY


def test_a_session_on_a_backup_stays_there_when_the_others_are_back() -> None:
    decider = router((*up(2), NodeView("n2", backup=True)))
    assert decider.decide("x", 2, IDLE, 0) == (2, Reason.STICKY)


def test_under_strict_a_foreign_keys_home_is_no_backup_unless_all_are() -> None:
    mixed = router((NodeView("n0", backup=True), *up(3)[1:]), strict=True)
    assert {mixed.decide_hashed(key, IDLE, 0)[0] for key in SESSIONS} == {1, 2}
    spare = router((NodeView("n0", backup=True), NodeView("n1", backup=True)), strict=True)
    assert {spare.decide_hashed(key, [0, 0], 0)[0] for key in SESSIONS} == {0, 1}


def test_failover_goes_by_order_and_not_by_load() -> None:
    """There its copy is; and the next request of the session must find the same node."""
    decider = router(nodes(DOWN, UP, UP))
    for session in SESSIONS:
        assert decider.decide(session, 0, [0, 0, 0], 0) == decider.decide(session, 0, [0, 500, 0], 0)


def test_a_new_view_counts_at_once() -> None:
    decider = router(up(3))
    assert decider.decide("x", 1, IDLE, 0) == (1, Reason.STICKY)
    decider.publish(view(nodes(UP, DOWN, UP)))
    assert decider.decide("x", 1, IDLE, 0)[1] is Reason.FAILOVER
    assert decider.view.nodes[1].state is DOWN


# Requests of one address.


def places(decider: Router, address: str, count: int, inflight: list[int], now: float = 0.0) -> set[int]:
    """The nodes of so many new sessions that come at once, each of which counts as in flight."""
    found = set()
    for session in ids(count, address):
        node, reason = decider.decide_new(session, address, inflight, now, 0)
        assert reason is Reason.NEW
        inflight[node] += 1
        found.add(node)
    return found


def test_a_browsers_first_requests_go_to_one_node() -> None:
    decider = router(up(3))
    for browser in range(20):
        assert len(places(decider, f"10.0.0.{browser}", 6, [0, 0, 0])) == 1
    assert len(places(decider, "", 6, [0, 0, 0])) > 1


def test_fifty_clients_behind_one_address_are_spread_as_the_bound_says() -> None:
    decider, inflight = router(up(3)), [0, 0, 0]
    assert places(decider, "10.0.0.1", 50, inflight) == {0, 1, 2}
    assert max(inflight) <= 21  # 1.25 x 50 / 3, rounded up


def test_one_address_keeps_to_its_node_while_the_bound_allows() -> None:
    decider = router(up(3))
    assert len(places(decider, "10.0.0.1", 20, [300, 300, 300])) == 1


def test_after_two_seconds_an_address_is_placed_anew() -> None:
    decider = router(up(3))
    found = [places(decider, "10.0.0.1", 1, [0, 0, 0], now=0.0)]
    sessions = ids(30, "later")
    later = {decider.decide_new(s, "10.0.0.1", IDLE, 2.0 * (i + 1), 0)[0] for i, s in enumerate(sessions)}
    assert found and later == {0, 1, 2}


@pytest.mark.parametrize("state", [DOWN, SYNCING, DRAIN, MAINT])
def test_an_address_leaves_a_node_that_takes_no_more(state: NodeState) -> None:
    decider = router(up(3))
    (node,) = places(decider, "10.0.0.1", 1, [0, 0, 0])
    changed = [replace(one, state=state) if i == node else one for i, one in enumerate(up(3))]
    decider.publish(view(changed))
    (other,) = places(decider, "10.0.0.1", 5, [0, 0, 0])
    assert other != node
    decider.publish(view(up(3)))
    assert places(decider, "10.0.0.1", 5, [0, 0, 0]) == {other}


def test_an_address_leaves_a_node_that_was_tried_in_vain() -> None:
    decider = router(up(3))
    (node,) = places(decider, "10.0.0.1", 1, [0, 0, 0])
    other, _ = decider.decide_new("x", "10.0.0.1", IDLE, 0.0, 1 << node)
    assert other != node
    assert places(decider, "10.0.0.1", 5, [0, 0, 0]) == {other}


def test_a_move_makes_no_window_longer() -> None:
    decider, sessions = router(up(3)), ids(30)
    for i, session in enumerate(sessions):
        (node,) = places(decider, f"10.0.0.{i}", 1, [0, 0, 0], now=0.0)
        decider.decide_new("x", f"10.0.0.{i}", IDLE, 1.9, 1 << node)
        assert decider.decide_new(session, f"10.0.0.{i}", IDLE, 2.1, 0)[0] == decider.view.ring.first(session)


def test_places_are_forgotten_when_indices_mean_other_nodes() -> None:
    decider = router(up(3))
    for i in range(20):
        places(decider, f"10.0.0.{i}", 1, [0, 0, 0])
    decider.publish(view(NodeView(f"m{i}") for i in range(3)))
    for i, session in enumerate(ids(20, "later")):
        assert decider.decide_new(session, f"10.0.0.{i}", IDLE, 0.1, 0)[0] == decider.view.ring.first(session)


@pytest.mark.parametrize(
    ("inflight", "bound", "taken"),
    [
        ([2, 1, 1], 1.25, True),  # 1.25 x 5 / 3, rounded up, is 3
        ([3, 1, 1], 1.25, False),  # 1.25 x 6 / 3
        ([3, 2, 1], 1.25, False),  # 1.25 x 7 / 3
        ([3, 2, 2], 1.25, True),  # 1.25 x 8 / 3
        ([1, 1, 1], 1.0, True),
        ([2, 1, 1], 1.0, False),
        ([5, 0, 0], 3.0, True),
        ([1, 0, 0], 1.25, False),
    ],
)
def test_the_bound_has_the_new_exchange_in_its_mean(inflight: list[int], bound: float, taken: bool) -> None:
    decider = router(up(3), bounded_load=bound)
    for session in SESSIONS:
        if decider.view.ring.first(session) == 0:
            assert (decider.decide_new(session, "", inflight, 0.0, 0)[0] == 0) is taken


def test_the_mean_is_of_the_nodes_that_are_open() -> None:
    decider = router(nodes(UP, UP, UP, DOWN))
    for session in SESSIONS:
        if decider.view.ring.first(session) == 0:
            assert decider.decide_new(session, "", [4, 1, 100, 0], 0.0, 0b100)[0] == 1
            assert decider.decide_new(session, "", [4, 2, 2, 100], 0.0, 0)[0] != 0


# Slow start, and balancing.


def slow(factor: float) -> tuple[NodeView, ...]:
    """The last of three nodes is in its slow start."""
    return (*up(2), NodeView("n2", weight=1, share=factor))


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0])
def test_a_node_in_slow_start_gets_that_part_of_its_new_sessions(factor: float) -> None:
    keys = ids(6000)
    whole, decider = router(up(3)), router(slow(factor))
    full = spread(lambda s: whole.decide_new(s, "", IDLE, 0.0, 0)[0], keys, 3)[2]
    part = spread(lambda s: decider.decide_new(s, "", IDLE, 0.0, 0)[0], keys, 3)[2]
    assert part == pytest.approx(full * factor, rel=0.1)


def test_a_node_in_slow_start_takes_what_nobody_else_can() -> None:
    decider = router((*nodes(DOWN, DOWN), NodeView("n2", share=0.1)))
    assert all(decider.decide_new(s, "", IDLE, 0.0, 0) == (2, Reason.NEW) for s in SESSIONS)
    busy = router(slow(0.1), bounded_load=1.0)
    assert all(busy.decide_new(s, "", [10, 10, 0], 0.0, 0)[0] == 2 for s in SESSIONS)


def test_nodes_that_came_up_together_share_as_ever() -> None:
    together = router(replace(node, share=0.1) for node in up(3))
    usual = router(up(3))
    for session in SESSIONS:
        assert together.decide_new(session, "", IDLE, 0.0, 0) == usual.decide_new(session, "", IDLE, 0.0, 0)


def test_a_slow_start_is_relative_to_the_fastest() -> None:
    keys, whole = ids(6000), router(up(3))
    decider = router(replace(node, share=share) for node, share in zip(up(3), (0.5, 0.5, 0.1), strict=True))
    full = spread(lambda s: whole.decide_new(s, "", IDLE, 0.0, 0)[0], keys, 3)[2]
    part = spread(lambda s: decider.decide_new(s, "", IDLE, 0.0, 0)[0], keys, 3)[2]
    assert part == pytest.approx(full / 5, rel=0.1)


def test_an_idle_service_is_balanced_by_weight() -> None:
    weighted = [NodeView(f"n{i}", weight=w, share=float(w)) for i, w in enumerate((1, 2, 5))]
    decider = router(weighted)
    found = spread(lambda _: decider.decide_balanced(IDLE, 0)[0], SESSIONS * 200, 3)
    assert found == pytest.approx([1000, 2000, 5000], rel=0.1)


def test_the_less_loaded_of_two_wins_for_its_share() -> None:
    pair = [NodeView("n0", weight=1, share=1.0), NodeView("n1", weight=4, share=4.0)]
    decider = router(pair)
    assert {decider.decide_balanced([2, 7], 0)[0] for _ in range(50)} == {1}
    assert {decider.decide_balanced([2, 9], 0)[0] for _ in range(50)} == {0}


@pytest.mark.parametrize("drawn", list(product((0.0, 0.3, 0.5, 0.999999, 1 - 2**-53), repeat=2)))
@pytest.mark.parametrize("shares", [(1.0,), (0.1, 0.1, 0.1), (0.7, 3.0, 1000.0), (5e-324, 1.0, 1e300)])
def test_two_different_nodes_are_drawn_whatever_chance_says(
    drawn: tuple[float, float], shares: tuple[float, ...]
) -> None:
    """The busiest never wins where there is another: so it was never drawn twice."""
    chances = iter(drawn * 4)
    several = [NodeView(f"n{i}", share=share) for i, share in enumerate(shares)]
    decider = Router(view(several, points=10), lambda: next(chances))
    first, _ = decider.decide_balanced([0] * len(shares), 0)
    load = [10**6 if i == first else 0 for i in range(len(shares))]
    assert len(shares) == 1 or decider.decide_balanced(load, 0)[0] != first


def test_power_of_two_choices_keeps_loads_close() -> None:
    decider, load = Router(view(up(10)), Random(3).random), [0] * 10
    for _ in range(5000):
        load[decider.decide_balanced(load, 0)[0]] += 1
    assert max(load) - min(load) < 20


def test_a_service_without_nodes_has_nobody() -> None:
    for strict in (False, True):
        decider = Router(replace(view(()), strict=strict), Random(1).random)
        assert decider.decide("id", PIN_GONE, [], 0) == NOBODY
        assert decider.decide("id", PIN_UNKNOWN, [], 0) == NOBODY
        assert decider.decide_new("id", "10.0.0.1", [], 0.0, 0) == NOBODY
        assert decider.decide_hashed("key", [], 0) == NOBODY
        assert decider.decide_balanced([], 0) == NOBODY


def test_a_key_has_no_home_where_only_backups_and_who_has_left_are_there() -> None:
    left = NodeView("a", NodeState.MAINT, membership=Membership.LEAVING)
    seen = service_view("shop", (left, NodeView("b", backup=True)), 100, strict=True)
    decider = Router(seen, Random(1).random)
    assert decider.decide_hashed("key", [0, 0], 0) == NOBODY
