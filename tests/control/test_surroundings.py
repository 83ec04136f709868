"""What keepers are told: who must answer, who may serve, who is no longer waited for, who inherits."""

import asyncio

import pytest

from control.stores import OpenStore
from control.surroundings import NOBODY, Surroundings
from routing.health import HealthRules, ServiceHealth
from routing.router import Router
from routing.states import Mode
from routing.view import NodeView, service_view
from sessions.contract.messages import STORE
from sessions.contract.searching import NO_HEIR
from tests.control.test_stores import StubStore
from tests.model.clock import in_computed_time
from tests.routing.services import ids


class Scene:
    def __init__(self, store: bool = False, homing: bool = False, backups: str = "") -> None:
        nodes = tuple(NodeView(name, backup=name in backups) for name in "abcd")
        self.now = 0.0
        view = service_view("shop", nodes, points=50, contract=True)
        self.health = ServiceHealth(view, HealthRules(contract=True), self.now)
        self.store = StubStore()
        self.opened = OpenStore(self.store, lambda: self.now)
        given = self.opened if store else None
        self.surroundings = Surroundings(self.health, 30.0, given, homing, lambda: self.now)

    def down(self, node: int) -> None:
        for _ in range(3):
            self.health.probe_failed(node, self.now, "connection refused")
        self.surroundings.refresh()


@pytest.mark.parametrize(
    ("mode", "up", "ready"), [(Mode.READY, True, True), (Mode.DRAIN, True, False), (Mode.MAINT, True, False)]
)
def test_who_passes_must_answer_whatever_its_mode(mode: Mode, up: bool, ready: bool) -> None:
    scene = Scene()
    scene.health.set_mode(1, mode, 0.0)
    scene.surroundings.refresh()
    around = scene.surroundings.around("x", -1)
    assert (1 in around.up, 1 in around.ready) == (up, ready)


def test_who_is_down_need_not_answer_and_is_given_up_in_time() -> None:
    scene = Scene()
    scene.now = 100.0
    scene.down(1)
    for now, given_up in ((100.0, set()), (129.9, set()), (130.0, {1})):
        scene.now = now
        scene.surroundings.refresh()
        around = scene.surroundings.around("x", -1)
        assert (around.up, around.given_up) == ({0, 2, 3}, given_up)


@in_computed_time
async def test_who_waits_for_a_node_to_be_down_is_told_at_once() -> None:
    scene = Scene()
    waiting = [asyncio.ensure_future(scene.surroundings.gone(node, 3600)) for node in (1, 2)]
    await asyncio.sleep(1)  # computed: it takes no time, and both wait by then
    scene.down(1)
    done, left = await asyncio.wait(waiting, timeout=1)
    assert (done, left) == ({waiting[0]}, {waiting[1]})
    began = asyncio.get_running_loop().time()
    await scene.surroundings.gone(1, 3600)
    await scene.surroundings.gone(2, 0.25)
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.25)
    await waiting[1]


def test_one_that_is_syncing_must_answer_and_may_not_serve() -> None:
    scene = Scene()
    scene.down(1)
    scene.health.probe_passed(1, 1.0)
    scene.surroundings.refresh()
    around = scene.surroundings.around("x", -1)
    assert (1 in around.up, 1 in around.ready) == (True, False)


def test_a_store_that_is_up_must_answer() -> None:
    scene = Scene(store=True)
    assert STORE in scene.surroundings.around("x", -1).up
    assert STORE not in Scene().surroundings.around("x", -1).up
    scene.store.up, scene.now = False, 5.0
    scene.opened.look()
    assert STORE not in scene.surroundings.around("x", -1).up  # at once, and not with the next refresh
    assert STORE not in scene.surroundings.around("x", -1).given_up
    scene.now = 35.0
    scene.surroundings.refresh()
    assert STORE in scene.surroundings.around("x", -1).given_up


@pytest.mark.parametrize("backups", ["", "b", "bd", "abc"])
def test_the_heir_is_who_the_router_chooses(backups: str) -> None:
    scene = Scene(backups=backups)
    scene.down(0)
    router = Router(scene.health.view(), lambda: 0.5)
    for session in ids(50):
        chosen, _ = router.decide(session, 0, [0] * 4, 0)
        assert scene.surroundings.around(session, -1).heir == chosen
        assert sorted(scene.surroundings.order(session)) == [0, 1, 2, 3]


def test_the_router_s_choice_inherits_where_it_may_serve() -> None:
    scene = Scene()
    scene.down(0)
    for session in ids(20):
        assert [scene.surroundings.around(session, node).heir for node in (1, 2, 3)] == [1, 2, 3]
        assert scene.surroundings.around(session, 0).heir != 0


def test_with_rebalancing_sessions_go_home_unless_requests_fail_there() -> None:
    scene = Scene(homing=True)
    session = "x"
    home = next(scene.surroundings.order(session))
    other = (home + 1) % 4
    assert scene.surroundings.around(session, other).heir == home
    scene.health.suspicious[home] = 1
    assert scene.surroundings.around(session, other).heir == other


def test_nobody_inherits_where_nobody_asks() -> None:
    scene = Scene()
    around = scene.surroundings.around("x", NO_HEIR)
    assert around.heir == NOBODY
    assert [*around.order] == [*scene.surroundings.order("x")] and around.ready == {0, 1, 2, 3}


def test_nobody_inherits_where_nobody_may_serve() -> None:
    scene = Scene()
    for node in range(4):
        scene.down(node)
    assert scene.surroundings.around("x", 2).heir == -1
