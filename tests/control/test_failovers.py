"""One line for each node whose sessions went to others."""

import logging
from collections import Counter

import pytest

from control.events import Events
from control.failovers import LONGEST_SECONDS, QUIET_SECONDS, Failovers
from routing.health import HealthRules, ServiceHealth
from routing.states import Mode
from routing.view import NodeView, service_view
from sessions.contract.messages import STORE
from sessions.contract.searching import Where
from sessions.keeping.takeovers import Move

NOBODY = -2


class Scene:
    def __init__(self, caplog: pytest.LogCaptureFixture, served: int = 0) -> None:
        caplog.set_level(logging.INFO)
        view = service_view("shop", tuple(NodeView(name) for name in "abc"), points=50)
        self.health = ServiceHealth(view, HealthRules(fall=1, contract=True), 0.0)
        self.now = 0.0
        serving = Counter({0: served})
        self.failovers = Failovers("shop", "abc", self.health.nodes, serving.__getitem__, lambda: self.now)
        self._caplog = caplog

    def kill(self, node: int = 0) -> None:
        self.health.probe_failed(node, self.now, "connection refused")
        self.failovers.look()

    def move(self, name: str, where: Where = Where.TAKEOVER, source: int = 1, pin: int = 0) -> None:
        self.failovers.moved(Move(name, pin, 1, where, source))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.failovers.look()

    @property
    def lines(self) -> list[str]:
        return [record.message for record in self._caplog.records]


def test_what_is_under_way_can_be_seen_and_its_end_is_told_in_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene, events = Scene(caplog, served=9), Events()
    logging.getLogger("limpet.sessions").addHandler(events)
    try:
        scene.kill()
        scene.now += 1
        for number, source in enumerate((1, 2, STORE)):
            scene.move(f"s{number}", source=source)
        scene.move("s3", Where.LOST, NOBODY)
        (facts,) = scene.failovers.facts()
        assert (facts["node"], facts["served"], facts["moved"], facts["seconds"]) == ("a", 9, 4, 1.0)
        assert (facts["peers"], facts["store"], facts["lost"]) == (2, 1, 1)
        scene.wait(QUIET_SECONDS)
        assert scene.failovers.facts() == []
    finally:
        logging.getLogger("limpet.sessions").removeHandler(events)
    (event,) = events.after(0)
    assert (event["kind"], event["level"], event["service"], event["node"]) == (
        "failover",
        "warning",
        "shop",
        "a",
    )
    assert event["text"] == (
        "takeover of 4 of 9 sessions from a (down):"
        " 2 recovered from peers, 1 recovered from the store, 1 lost"
    )


def test_a_failover_is_one_line_when_nothing_moves_any_more(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog, served=9)
    scene.kill()
    for number, (where, source) in enumerate(
        [
            (Where.TAKEOVER, 1),
            (Where.TAKEOVER, 2),
            (Where.TAKEOVER, 0),
            (Where.TAKEOVER, STORE),
            (Where.NEW, NOBODY),
            (Where.STALE, 1),
            (Where.LOST, NOBODY),
        ]
    ):
        scene.now += 1
        scene.move(f"s{number}", where, source)
    scene.wait(QUIET_SECONDS - 0.1)
    assert scene.lines == []
    scene.wait(0.1)
    scene.wait(QUIET_SECONDS)
    assert scene.lines == [
        "failover: service=shop node=a cause=down served=9 moved=7 from_itself=1 from_peers=2"
        " from_store=1 new=1 stale=1 lost=1 seconds=7.0"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_where_nothing_is_lost_it_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.kill()
    scene.move("s")
    scene.wait(QUIET_SECONDS)
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_a_node_without_sessions_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.kill()
    scene.wait(LONGEST_SECONDS)
    assert scene.lines == []


def test_moves_from_elsewhere_are_not_part_of_it(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.move("before")
    scene.kill()
    for pin in (1, -1, -2):
        scene.move("other", pin=pin)
    scene.wait(QUIET_SECONDS)
    assert scene.lines == []


def test_a_session_that_moves_twice_counts_once(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.kill()
    scene.move("s")
    scene.move("s")
    scene.wait(QUIET_SECONDS)
    assert " moved=1 " in scene.lines[0]


def test_it_does_not_last_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(caplog)
    scene.kill()
    while not scene.lines:
        scene.move(f"s{scene.now}")
        scene.wait(QUIET_SECONDS / 2)
    assert scene.now == LONGEST_SECONDS


def test_a_second_death_is_a_second_event_and_the_end_tells_of_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(caplog)
    scene.kill()
    scene.move("s")
    scene.health.probe_passed(0, 1.0)
    scene.health.probe_passed(0, 1.0)
    scene.health.synced(0, scene.health.nodes[0].returns, 1.0)
    scene.failovers.look()
    scene.health.set_mode(0, Mode.DRAIN, 2.0)
    scene.failovers.look()
    scene.move("t")
    scene.failovers.close()
    assert ["cause=down" in scene.lines[0], "cause=drain" in scene.lines[1], len(scene.lines)] == [
        True,
        True,
        2,
    ]
