"""What probes, requests and operators say reaches the byte path at once, and the log in one line."""

import asyncio
import logging

import pytest

from control.cluster import Cluster, Watch
from control.probes import Outcome
from routing.health import HealthRules, ServiceHealth
from routing.states import Mode, NodeState
from routing.view import NodeView, ServiceView, service_view


class Path:
    """A byte path that remembers what it was told."""

    def __init__(self) -> None:
        self.views: list[ServiceView] = []
        self.down: list[int] = []

    def publish(self, view: ServiceView) -> None:
        self.views.append(view)

    def node_down(self, node: int) -> None:
        self.down.append(node)

    @property
    def states(self) -> list[NodeState]:
        return [node.state for node in self.views[-1].nodes]


class Scene:
    def __init__(self, **rules: float) -> None:
        view = service_view("shop", tuple(NodeView(name) for name in "abc"), points=10)
        self.now = 1000.0
        self.watch = Watch(ServiceHealth(view, HealthRules(**rules), self.now), lambda: self.now)  # type: ignore[arg-type]
        self.path = Path()
        self.watch.lead(self.path)


UP, DOWN, DRAIN, MAINT = NodeState.UP, NodeState.DOWN, NodeState.DRAIN, NodeState.MAINT


def test_the_byte_path_starts_with_a_view() -> None:
    assert Scene().path.states == [UP, UP, UP]


def test_a_node_declared_down_by_probes_ends_what_waits_there_once() -> None:
    scene = Scene(fall=2)
    scene.watch.probed(1, Outcome.PASSED, "")
    for _ in range(4):
        scene.watch.probed(1, Outcome.FAILED, "connection refused")
    assert scene.path.states == [UP, DOWN, UP]
    assert scene.path.down == [1]


def test_an_ejected_node_keeps_what_it_works_on() -> None:
    scene = Scene(failures=2)
    scene.watch.request_failed(0, "connect_failed")
    assert scene.watch.suspicious == [1, 0, 0]
    scene.watch.request_failed(0, "connect_failed")
    assert scene.path.states == [DOWN, UP, UP]
    assert scene.path.down == []


def test_a_success_clears_suspicion() -> None:
    scene = Scene(failures=2)
    scene.watch.request_failed(0, "connect_failed")
    scene.watch.request_passed(0)
    scene.watch.request_failed(0, "connect_failed")
    assert scene.path.states == [UP, UP, UP]


def test_an_ejection_ends_by_the_clock() -> None:
    scene = Scene(failures=1, base=30.0)
    scene.watch.request_failed(0, "connect_failed")
    scene.now += 29.9
    scene.watch.tick()
    assert scene.path.states == [DOWN, UP, UP]
    scene.now += 0.2
    scene.watch.tick()
    assert scene.path.states == [UP, UP, UP]


def test_nothing_is_published_when_nothing_changed() -> None:
    scene = Scene()
    before = len(scene.path.views)
    scene.watch.tick()
    scene.watch.probed(0, Outcome.PASSED, "")
    assert len(scene.path.views) == before


@pytest.mark.parametrize(("mode", "state"), [(Mode.DRAIN, DRAIN), (Mode.MAINT, MAINT), (Mode.READY, UP)])
def test_the_operator_is_obeyed(mode: Mode, state: NodeState) -> None:
    scene = Scene()
    scene.watch.set_mode(2, mode)
    assert scene.path.states == [UP, UP, state]
    assert scene.path.down == []


def test_a_drain_with_a_deadline_ends_in_maintenance() -> None:
    scene = Scene()
    scene.watch.set_mode(2, Mode.DRAIN, deadline_seconds=60.0)
    scene.now += 59
    scene.watch.tick()
    assert scene.path.states[2] is DRAIN
    scene.now += 2
    scene.watch.tick()
    assert scene.path.states[2] is MAINT


def test_a_404_drains() -> None:
    scene = Scene()
    scene.watch.probed(0, Outcome.DRAINING, "answered 404")
    assert scene.path.states == [DRAIN, UP, UP]


def test_each_change_is_one_line_that_says_why(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene = Scene()
    scene.watch.probed(1, Outcome.FAILED, "answered 500")
    scene.watch.probed(1, Outcome.FAILED, "answered 500")
    scene.watch.probed(1, Outcome.PASSED, "")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        (
            "WARNING",
            'node state changed: service=shop node=b from=up to=down why="probe failed: answered 500"',
        ),
        ("INFO", 'node state changed: service=shop node=b from=down to=up why="it passes"'),
    ]


@pytest.mark.parametrize(
    ("contract", "why", "hurried"),
    [
        (True, "connect_failed", [1]),
        (True, "answered 502", []),
        (False, "connect_failed", []),
    ],
)
def test_where_requests_fail_a_node_with_sessions_to_move_is_probed_at_once(
    contract: bool, why: str, hurried: list[int]
) -> None:
    scene = Scene(contract=contract)
    asked: list[int] = []
    scene.watch.hurry = lambda node: asked.append(node) or True  # type: ignore[func-returns-value]
    scene.watch.request_failed(1, why)
    assert asked == hurried


@pytest.mark.parametrize(("probed", "suspicious"), [(True, [0, 0, 0]), (False, [0, 1, 0])])
def test_silence_about_sessions_is_for_the_probes_where_there_are_any(
    probed: bool, suspicious: list[int]
) -> None:
    scene = Scene(contract=True)
    scene.watch.hurry = lambda node: probed
    scene.watch.silent(1, "silence")
    assert scene.watch.suspicious == suspicious


def test_a_node_without_the_contract_is_down_until_it_is_found() -> None:
    scene = Scene(contract=True)
    scene.watch.contract_missing(1)
    assert scene.path.states == [UP, DOWN, UP]
    scene.watch.contract_found(1)
    assert scene.path.states == [UP, NodeState.SYNCING, UP]
    scene.now += 5
    assert scene.watch.lasted(1) == 5
    scene.watch.synced(1, 1)
    assert scene.path.states == [UP, UP, UP]


def test_listeners_are_told_also_of_what_changes_no_view() -> None:
    scene = Scene(contract=True)
    told: list[bool] = []
    scene.watch.tell(lambda: told.append(scene.watch.health.nodes[0].answering))
    scene.watch.set_mode(0, Mode.MAINT)
    for _ in range(3):
        scene.watch.probed(0, Outcome.FAILED, "connection refused")
    scene.watch.tick()
    assert told == [True, False, False, False, False]


async def test_the_clock_ticks_every_service_and_stops() -> None:
    scene = Scene()
    ticked: list[int] = []
    both = asyncio.Event()
    other = Watch(ServiceHealth(service_view("mail", (NodeView("x"),), points=10), HealthRules(), 0.0))
    for number, watch in enumerate((scene.watch, other)):

        def tick(number: int = number) -> None:
            ticked.append(number)
            if len(ticked) >= 2:
                both.set()

        watch.tick = tick  # type: ignore[method-assign]
    cluster = Cluster([scene.watch, other], [])
    cluster.start()
    await asyncio.wait_for(both.wait(), 60)
    await cluster.stop()
    assert ticked == [0, 1]
