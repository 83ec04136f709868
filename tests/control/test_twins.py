"""Nodes that keep their sessions in one place are one node: one of them takes part, and it is said why."""

import pytest

from control.cluster import Watch
from control.twins import Twins
from routing.health import HealthRules, ServiceHealth
from routing.states import Membership, NodeState
from routing.view import NodeView, service_view
from tests.control.lists import StubNode

UP, DOWN, SYNCING, DRAIN, MAINT = NodeState


class Scene:
    """Nodes by what each says of where it keeps its sessions."""

    def __init__(self, *names: bytes) -> None:
        view = service_view("shop", tuple(NodeView(name) for name in "abc"), points=50, contract=True)
        self.watch = Watch(ServiceHealth(view, HealthRules(fall=1, rise=1, contract=True), 0.0), lambda: 0.0)
        self.nodes = [StubNode(name) for name in names]
        self.twins = Twins(self.watch, self.nodes)

    def states(self) -> list[NodeState]:
        return [node.state for node in self.watch.health.nodes]


async def test_the_second_is_taken_out_and_told_apart_from_others(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(b"one", b"other", b"one")
    await scene.twins.meet()
    assert scene.states() == [UP, UP, DOWN]
    assert "shares its sessions with a" in scene.watch.health.nodes[2].why
    assert "node=c from=up to=down" in caplog.text
    assert scene.twins.why(2) == scene.watch.health.nodes[2].why


async def test_who_says_nothing_is_taken_for_a_node_of_its_own() -> None:
    scene = Scene(b"", b"", b"")
    await scene.twins.meet()
    assert scene.states() == [UP, UP, UP]


async def test_one_that_is_up_goes_on_when_a_twin_comes_back() -> None:
    scene = Scene(b"one", b"one", b"")
    scene.watch.health.probe_failed(0, 0.0, "connection refused")
    await scene.twins.meet()
    assert scene.states() == [DOWN, UP, UP]
    scene.watch.health.probe_passed(0, 0.0)
    assert scene.states()[0] is SYNCING
    await scene.twins.meet()
    assert scene.states() == [DOWN, UP, UP]
    assert "with b" in scene.watch.health.nodes[0].why


async def test_it_need_not_stay_out_when_the_other_has_gone_or_keeps_them_elsewhere() -> None:
    scene = Scene(b"one", b"one", b"")
    await scene.twins.meet()
    scene.watch.health.probe_failed(0, 0.0, "connection refused")
    assert scene.twins.why(1) == ""
    scene.watch.health.probe_passed(0, 0.0)
    assert scene.twins.why(1) != ""
    scene.nodes[0].keeps_as = b"its own"
    assert scene.twins.why(1) == ""


async def test_nodes_are_asked_once_unless_they_were_away() -> None:
    scene = Scene(b"", b"", b"")
    scene.nodes[2].silent = True
    for _ in range(2):
        await scene.twins.meet()
    assert [len(node.limits) for node in scene.nodes] == [1, 1, 2]
    scene.watch.health.probe_failed(0, 0.0, "connection refused")
    scene.watch.health.probe_passed(0, 0.0)
    await scene.twins.meet()
    assert [len(node.limits) for node in scene.nodes] == [2, 1, 3]


async def test_a_node_that_was_given_another_name_is_no_twin_of_what_it_was() -> None:
    scene = Scene(b"one", b"one", b"")
    scene.watch.health.nodes[0].membership = Membership.LEAVING
    await scene.twins.meet()
    assert scene.states()[1] is UP
    assert scene.watch.health.nodes[0].mute == ""
