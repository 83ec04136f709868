"""When lists are compared, and what follows for nodes that sync, leave, or seem to know no contract."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from control import reconciler
from control.cluster import Watch
from control.probes import Outcome
from control.reconciler import Plan, Reconciler
from control.stores import OpenStore
from routing.health import HealthRules, ServiceHealth
from routing.states import Mode, NodeState
from routing.view import NodeView, service_view
from sessions.contract.messages import TAKEN, Action, Answer, Call
from tests.control.lists import StubNode
from tests.control.process import eventually
from tests.control.test_stores import StubStore

PLAN = Plan(60.0, 10_000, 10_000, replicas=1, stored=False, rebalance=False)
UP, DOWN, SYNCING, DRAIN, MAINT = NodeState


class Scene:
    def __init__(self, plan: Plan = PLAN, store: bool = False) -> None:
        view = service_view("shop", tuple(NodeView(name) for name in "abc"), points=50, contract=True)
        health = ServiceHealth(view, HealthRules(fall=1, rise=1, contract=True), 0.0)
        self.now = 0.0
        self.watch = Watch(health, lambda: self.now)
        self.nodes = [StubNode() for _ in range(3)]
        self.store = StubStore()
        self.opened = OpenStore(self.store)
        given = self.opened if store else None
        self.reconciler = Reconciler(plan, self.watch, view.ring.order, self.nodes, given)
        self.watch.tell(self.reconciler.look)

    def state(self, node: int) -> NodeState:
        return self.watch.health.nodes[node].state


@asynccontextmanager
async def going(scene: Scene) -> AsyncIterator[Reconciler]:
    """The first pass has been made."""
    scene.reconciler.start()
    try:
        await until(lambda: scene.reconciler.passes == 1)
        yield scene.reconciler
    finally:
        await scene.reconciler.stop()


async def until(condition: Callable[[], object]) -> None:
    await eventually(condition, 5.0)


async def test_what_a_pass_found_is_there_to_be_read() -> None:
    scene = Scene()
    scene.nodes[0].hold("x", 5, serving=True)
    async with going(scene) as it:
        await until(lambda: it.copies == [0, 1, 0])
        assert it.serving == {0: 1}
        assert it.left == {}
        assert sum("x" in node.held for node in scene.nodes) == 2


async def test_while_somebody_watches_what_was_found_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    async with going(scene) as it:
        it.freshen()  # it is as fresh as can be
        assert it.passes == 1
        monkeypatch.setattr(reconciler, "FRESH_SECONDS", 0.0)
        monkeypatch.setattr(reconciler, "FRESH_SHARE", 1e9)
        it.look()
        scene.watch.probed(0, Outcome.FAILED, "connection refused")
        await until(lambda: it.passes == 2)
        scene.nodes[1].hold("x", 1, serving=True)

        def found() -> bool:
            it.freshen()
            return it.serving == {1: 1}

        await until(found)


async def test_a_node_that_comes_back_is_up_after_a_pass() -> None:
    scene = Scene()
    async with going(scene):
        scene.watch.probed(0, Outcome.FAILED, "connection refused")
        scene.nodes[1].hold("x", 1 << 33, serving=True)
        scene.nodes[0].hold("x", 5, serving=True)
        scene.watch.probed(0, Outcome.PASSED, "")
        assert scene.state(0) is SYNCING
        await until(lambda: scene.state(0) is UP)
        assert not scene.nodes[0].held["x"].serving


async def test_it_stays_syncing_while_a_list_cannot_be_read_and_then_begins_with_nothing() -> None:
    scene = Scene()
    scene.nodes[0].hold("x", 5, serving=True)
    async with going(scene) as it:
        scene.nodes[2].silent = True
        scene.watch.probed(0, Outcome.FAILED, "connection refused")
        scene.watch.probed(0, Outcome.PASSED, "")
        asked = len(scene.nodes[1].limits)
        await until(lambda: len(scene.nodes[1].limits) > asked + 1)
        assert (scene.state(0), it.passes) == (SYNCING, 1)
        assert scene.nodes[0].held["x"].serving
        scene.now += reconciler.STUCK_SECONDS
        await until(lambda: scene.state(0) is UP)
        assert not scene.nodes[0].held["x"].serving


@pytest.mark.parametrize("mode", [Mode.DRAIN, Mode.MAINT])
async def test_sessions_of_a_node_that_leaves_are_stopped_copied_and_counted(mode: Mode) -> None:
    scene = Scene()
    scene.nodes[0].hold("x", 5, serving=True)
    scene.nodes[0].hold("y", 1, serving=True)
    async with going(scene) as it:
        assert it.left == {}
        scene.watch.set_mode(0, mode)
        assert 0 not in it.left  # not known before a pass that began since
        await until(lambda: it.left == {0: 0})
        assert not any(entry.serving for entry in scene.nodes[0].held.values())
        assert "x" in scene.nodes[1].held and "x" in scene.nodes[2].held
        scene.watch.set_mode(0, Mode.READY)
        assert it.left == {}


async def test_the_last_node_gives_nothing_away() -> None:
    scene = Scene()
    scene.nodes[0].hold("x", 5, serving=True)
    async with going(scene) as it:
        for node in (1, 2, 0):
            scene.watch.set_mode(node, Mode.DRAIN)
        before = it.passes
        await until(lambda: it.passes > before)
        assert scene.nodes[0].held["x"].serving
        assert 0 not in it.left


async def test_a_node_that_seemed_to_know_no_contract_is_looked_at() -> None:
    scene = Scene()
    async with going(scene):
        scene.nodes[0].silent = True
        scene.watch.contract_missing(0)
        asked = len(scene.nodes[0].limits)
        await until(lambda: len(scene.nodes[0].limits) > asked)
        assert scene.state(0) is DOWN
        scene.nodes[0].silent = False
        await until(lambda: scene.state(0) is UP)
        assert 1 in scene.nodes[0].limits


async def test_one_that_was_mistaken_for_right_waits_longer() -> None:
    scene = Scene()
    async with going(scene):
        scene.watch.contract_missing(0)
        await until(lambda: scene.state(0) is UP)
        scene.watch.contract_missing(0)
        await asyncio.sleep(3 * reconciler.GATHERING_SECONDS)
        assert scene.state(0) is DOWN
        scene.now += reconciler.LOOK_SECONDS
        await until(lambda: scene.state(0) is UP)


async def test_when_the_store_comes_back_it_is_compared_with_the_nodes_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = PLAN._replace(replicas=0, stored=True)
    scene = Scene(plan, store=True)
    asked: list[str] = []

    async def call(action: object, session_id: str, ttl: int, base: int = -1, writer: str = "") -> None:
        asked.append(session_id)

    monkeypatch.setattr(scene.opened.target, "call", call)
    scene.nodes[0].hold("x", 5, serving=True)
    async with going(scene):
        assert asked == []
        scene.store.up = False
        scene.opened.look()
        scene.store.up = True
        scene.opened.look()
        scene.reconciler.look()
        await until(lambda: asked == ["x"])


async def test_while_nodes_are_few_the_fallback_is_given_copies_and_again_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(store=True)
    put: list[tuple[str, Call, str]] = []

    async def call(action: Action, session_id: str, ttl: int, base: int = -1, writer: str = "") -> Answer:
        put.append((session_id, action.call, writer))
        return TAKEN

    monkeypatch.setattr(scene.opened.target, "call", call)
    scene.nodes[0].hold("x", 5, serving=True)
    async with going(scene) as it:
        for node in (1, 2):
            scene.watch.probed(node, Outcome.FAILED, "by the test")
        await until(lambda: put == [("x", Call.PUT, "a")] and it.copies == [0, 1, 0])
        scene.store.up = False
        scene.opened.look()
        scene.store.up = True
        scene.opened.look()
        scene.reconciler.look()
        await until(lambda: len(put) == 2)


async def test_a_fallback_that_was_away_is_told_what_has_ended_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has a copy from when nodes were few, and would have it still when the nodes' marks are gone."""
    scene = Scene(store=True)
    told: list[tuple[str, Call]] = []

    async def call(action: Action, session_id: str, ttl: int, base: int = -1, writer: str = "") -> Answer:
        told.append((session_id, action.call))
        return TAKEN

    monkeypatch.setattr(scene.opened.target, "call", call)
    scene.opened.look()
    async with going(scene) as it:
        scene.nodes[0].hold("x", 5, ended=True)
        scene.nodes[0].hold("y", 5, serving=True)
        scene.store.up = False
        scene.opened.look()
        scene.store.up = True
        scene.opened.look()
        scene.reconciler.look()
        await until(lambda: told == [("x", Call.END)])
        passes = it.passes
        scene.watch.probed(1, Outcome.FAILED, "by the test")
        await until(lambda: it.passes > passes)
        assert told == [("x", Call.END)]  # once


async def test_a_store_is_told_of_an_end_whose_answer_never_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that froze in a logout carries it out later. When its mark has gone, a store has a copy."""
    scene = Scene(PLAN._replace(replicas=0, stored=True), store=True)
    told: list[tuple[str, Call]] = []

    async def call(action: Action, session_id: str, ttl: int, base: int = -1, writer: str = "") -> Answer:
        told.append((session_id, action.call))
        return TAKEN

    monkeypatch.setattr(scene.opened.target, "call", call)
    async with going(scene) as it:
        scene.watch.probed(0, Outcome.FAILED, "by the test")
        scene.nodes[0].hold("x", 5, ended=True)
        scene.watch.probed(0, Outcome.PASSED, "")
        await until(lambda: told == [("x", Call.END)])
        await until(lambda: scene.state(0) is UP)
        passes = it.passes
        scene.watch.probed(1, Outcome.FAILED, "by the test")
        await until(lambda: it.passes > passes)
        assert told == [("x", Call.END)]  # once


async def test_rebalancing_stops_what_is_not_at_home_while_all_are_up() -> None:
    scene = Scene(PLAN._replace(rebalance=True))
    home = next(scene.watch.health.view().ring.order("x"))
    away = (home + 1) % 3
    scene.nodes[away].hold("x", 5, serving=True)
    async with going(scene):
        await until(lambda: ("x", Call.FENCE) in [call[:2] for call in scene.nodes[away].calls])


async def test_without_rebalancing_it_stays_where_it_is() -> None:
    scene = Scene()
    home = next(scene.watch.health.view().ring.order("x"))
    away = (home + 1) % 3
    scene.nodes[away].hold("x", 5, serving=True)
    async with going(scene) as it:
        await until(lambda: it.passes >= 2)
        assert scene.nodes[away].held["x"].serving


async def test_a_pass_that_breaks_is_logged_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene()
    broken = scene.nodes[0].entries

    async def entries(after: str, limit: int) -> None:
        monkeypatch.setattr(scene.nodes[0], "entries", broken)
        raise RuntimeError("by the test")

    monkeypatch.setattr(scene.nodes[0], "entries", entries)
    async with going(scene):
        assert "comparing the sessions of the nodes of shop broke" in caplog.text
