"""Nodes that are no longer found: they go when nobody uses their sessions any more, or they do not answer."""

from typing import Any

from config.settings import Settings
from control.probes import Outcome
from control.runtime import Runtime
from control.turns import at_once
from routing.states import Membership, NodeState
from tests.control.settings import change, runtime, service

FOUND = {"dns": "app", "port": 80}


def settings(nodes: str, **options: Any) -> Settings:
    services = {"shop": service(nodes, **options)}
    return Settings.model_validate({"services": services, "routes": [{"service": "shop"}]})


def without_b(**options: Any) -> Runtime:
    """A session was seen on each of a, b, c; then b is no longer there."""
    it = runtime({"shop": service("abc", **options)})
    for node in it.engine.services["shop"].nodes:
        node.sightings.see("a session")
    change(it, settings("ac", **options))
    let_go(it)
    return it


def let_go(it: Runtime) -> None:
    if (blueprint := it.parted()) is not None:
        at_once(it.changes(blueprint))


def b_is(it: Runtime) -> Membership:
    assert it.blueprint is not None
    return it.blueprint.slots["shop"][1].membership


def test_one_that_is_no_longer_found_stays_while_its_sessions_are_used() -> None:
    it = without_b(discover=FOUND)
    health, shop = it.cluster.watches["shop"].health, it.engine.services["shop"]
    assert b_is(it) is Membership.LEAVING
    assert (health.nodes[1].state, health.nodes[1].why) == (NodeState.DRAIN, "no longer found")
    assert shop.router.decide("a session", 1, [0, 0, 0], 0)[0] == 1
    assert {shop.router.decide_new(f"id {i}", "", [0, 0, 0], 0.0, 0)[0] for i in range(50)} == {0, 2}
    shop.nodes[1].sightings.turn()
    let_go(it)
    assert b_is(it) is Membership.LEAVING
    shop.nodes[1].sightings.turn()
    let_go(it)
    assert b_is(it) is Membership.GONE


def test_or_until_it_has_not_answered_for_a_while() -> None:
    it = without_b(discover=FOUND)
    watch = it.cluster.watches["shop"]
    for _ in range(3):
        watch.probed(1, Outcome.FAILED, "connection refused")
    assert watch.health.nodes[1].state is NodeState.DOWN
    let_go(it)
    assert b_is(it) is Membership.LEAVING
    watch.health.nodes[1].away_since -= 30.0  # `give_up`
    let_go(it)
    assert b_is(it) is Membership.GONE


def test_one_that_was_taken_out_of_the_file_goes_at_once() -> None:
    it = without_b()
    assert b_is(it) is Membership.GONE


def test_one_that_is_found_again_has_its_old_place() -> None:
    it = without_b(discover=FOUND)
    change(it, settings("cab", discover=FOUND))
    assert b_is(it) is Membership.MEMBER
    assert it.cluster.watches["shop"].health.nodes[1].state is NodeState.UP


def test_a_service_may_have_nobody_yet() -> None:
    it = runtime({"shop": {"discover": FOUND}})
    shop = it.engine.services["shop"]
    assert shop.router.decide_new("an id", "", [], 0.0, 0)[0] == -1
    change(it, settings("a", discover=FOUND))
    assert shop.router.decide_new("an id", "", [0], 0.0, 0)[0] == 0
