"""Node states: by probes, by requests, by the operator, by time."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.health import HealthRules, ServiceHealth
from routing.states import TAKES_NEW, TAKES_PINNED, Mode, NodeState
from routing.view import NodeView
from tests.routing.services import up, view

UP, DOWN, SYNCING, DRAIN, MAINT = NodeState
RULES = HealthRules(fall=3, rise=2, failures=5, base=30.0, longest=300.0)


def health(count: int = 3, **rules: float) -> ServiceHealth:
    return ServiceHealth(view(up(count)), HealthRules(**rules), 0.0)  # type: ignore[arg-type]


def probes(service: ServiceHealth, script: str, node: int = 0, now: float = 1.0) -> str:
    """Run `+` passed, `-` failed, `4` answered 404; the states after each, by their first letter."""
    seen = ""
    for probe in script:
        if probe == "+":
            service.probe_passed(node, now)
        elif probe == "4":
            service.probe_draining(node, now)
        else:
            service.probe_failed(node, now, "timeout")
        seen += service.nodes[node].state.name[0].lower()
    return seen


def failing(service: ServiceHealth, count: int, node: int = 0, now: float = 1.0) -> list[bool]:
    return [service.request_failed(node, now, "connection refused") for _ in range(count)]


# Probes.


@pytest.mark.parametrize(
    ("script", "states"),
    [
        ("+---", "uuud"),
        ("+--+--+---", "uuuuuuuuud"),
        ("+---+-++", "uuuddddu"),
        ("+---++--", "uuudduuu"),
        ("-", "d"),  # never seen alive: the first probe decides
        ("-+", "du"),
        ("-+--", "duuu"),
        ("-----+---", "ddddduuud"),
    ],
)
def test_probes_take_a_node_down_and_bring_it_back(script: str, states: str) -> None:
    service = health()
    assert probes(service, script) == states
    assert service.nodes[0].state in (UP, DOWN)


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("+4", DRAIN),
        ("4", DRAIN),
        ("+4+", UP),
        ("+4444", DRAIN),
        ("+4--", DRAIN),
        ("+4---", DOWN),
        ("+---4", DOWN),  # answers count towards its rise
        ("+---44", DRAIN),
        ("+---4+", UP),
        ("+---+4", DRAIN),
        ("4--", DRAIN),
        ("4---", DOWN),
        ("-4", DRAIN),
        ("-4+", UP),
    ],
)
def test_a_404_from_the_health_path_drains(script: str, state: NodeState) -> None:
    service = health()
    probes(service, script)
    assert service.nodes[0].state is state
    if state is DRAIN:
        assert service.nodes[0].why == "drained: its health path answers 404"


def test_only_the_node_that_has_changed_is_seen_anew() -> None:
    """In a service of 1,000 nodes the others would cost 2 ms at each change."""
    service = health(count=1000)
    before = service.view().nodes
    probes(service, "---", node=7)
    after = service.view().nodes
    assert [i for i in range(1000) if after[i] is not before[i]] == [7]
    assert after[7].state is DOWN


def test_probes_may_take_the_last_node_down() -> None:
    service = health(1)
    assert probes(service, "+---") == "uuud"
    assert service.view().nodes[0].state is DOWN
    assert service.nodes[0].why == "probe failed: timeout"


def test_since_is_when_the_state_changed_and_why_is_the_latest_cause() -> None:
    service = health()
    assert (service.nodes[0].since, service.nodes[0].why) == (0.0, "")
    probes(service, "+--", now=5.0)
    assert service.nodes[0].since == 0.0
    probes(service, "-", now=6.0)
    service.probe_failed(0, 7.0, "answered 500")
    assert (service.nodes[0].since, service.nodes[0].why) == (6.0, "probe failed: answered 500")
    probes(service, "++", now=8.0)
    assert (service.nodes[0].since, service.nodes[0].why) == (8.0, "")


# Requests.


def test_five_failures_in_a_row_eject() -> None:
    service = health()
    assert failing(service, 4) == [False] * 4
    assert service.suspicious == [4, 0, 0]
    assert failing(service, 1) == [True]
    assert service.suspicious == [0, 0, 0]
    assert service.view().nodes[0].state is DOWN
    assert service.nodes[0].why == "ejected: connection refused"


def test_an_answer_clears_the_suspicion() -> None:
    service = health()
    failing(service, 4)
    assert service.request_passed(0, 1.0) is False
    assert service.suspicious == [0, 0, 0]
    assert failing(service, 4) == [False] * 4


def test_each_ejection_is_longer_up_to_the_longest() -> None:
    service, now, lengths = health(), 0.0, []
    for _ in range(13):
        failing(service, 5, now=now)
        lengths.append(service.nodes[0].ejected_until - now)
        now = service.nodes[0].ejected_until
        assert service.tick(now - 0.1) is False
        assert service.tick(now) is True
        assert service.nodes[0].state is UP
    assert lengths == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300]


@pytest.mark.parametrize(
    ("good_for", "length"), [(0, 120), (29, 120), (30, 90), (60, 60), (90, 30), (1e6, 30)]
)
def test_time_in_service_makes_the_next_ejection_shorter(good_for: float, length: float) -> None:
    service, now = health(), 0.0
    for _ in range(3):
        failing(service, 5, now=now)
        now = service.nodes[0].ejected_until
        service.tick(now)
    failing(service, 5, now=now + good_for)
    assert service.nodes[0].ejected_until == now + good_for + length


def test_a_passed_probe_ends_an_ejection_and_its_time_in_service_begins() -> None:
    service = health()
    failing(service, 5, now=1.0)
    assert service.probe_failed(0, 2.0, "timeout") is False  # down it is already
    assert service.probe_passed(0, 3.0) is True
    assert service.nodes[0].state is UP
    failing(service, 5, now=32.0)
    assert service.nodes[0].ejections == 2
    assert service.probe_passed(0, 33.0) is True
    failing(service, 5, now=63.0)
    assert service.nodes[0].ejections == 2  # 30 s in service took one off


def test_a_404_ends_no_ejection() -> None:
    service = health()
    failing(service, 5)
    assert service.probe_draining(0, 2.0) is False
    assert (service.nodes[0].state, service.nodes[0].why) == (DOWN, "ejected: connection refused")
    assert service.tick(31.0) is True
    assert service.nodes[0].state is DRAIN


@pytest.mark.parametrize("others", list(product([UP, DOWN, DRAIN, MAINT], repeat=2)))
def test_the_last_node_that_takes_new_sessions_is_never_ejected(others: tuple[NodeState, ...]) -> None:
    service = health()
    for node, state in enumerate(others, start=1):
        bring(service, node, state)
    failing(service, 50)
    alone = UP not in others
    assert service.nodes[0].state is (UP if alone else DOWN)
    if alone:
        assert service.suspicious[0] == 50  # and it is ejected as soon as there is another
        bring(service, 1, UP)
        assert failing(service, 1) == [True]


def bring(service: ServiceHealth, node: int, state: NodeState) -> None:
    """Into a state by probes or by the operator."""
    service.set_mode(node, Mode.MAINT if state is MAINT else Mode.READY, 1.0)
    probes(service, {UP: "++", DOWN: "+---", DRAIN: "++4", MAINT: ""}[state], node)
    assert service.nodes[node].state is state


@pytest.mark.parametrize("end", [DOWN, DRAIN, MAINT])
def test_when_nobody_else_is_left_the_ejected_come_back(end: NodeState) -> None:
    service = health()
    failing(service, 5, node=0)
    failing(service, 5, node=1)
    assert [node.state for node in service.nodes] == [DOWN, DOWN, UP]
    bring(service, 2, end)
    assert [node.state for node in service.view().nodes] == [UP, UP, end]
    assert failing(service, 5, node=1)[-1] is True


def test_a_backup_counts_as_somebody_else() -> None:
    service = ServiceHealth(view([NodeView("a"), NodeView("b", backup=True)]), RULES, 0.0)
    assert failing(service, 5)[-1] is True


def test_failures_of_a_node_that_is_down_say_nothing_new() -> None:
    service = health()
    bring(service, 0, DOWN)
    assert failing(service, 20) == [False] * 20
    assert service.suspicious == [0, 0, 0]
    assert service.nodes[0].ejections == 0


def test_a_draining_node_may_be_ejected_for_the_sake_of_its_pins() -> None:
    service = health()
    service.set_mode(0, Mode.DRAIN, 1.0)
    assert failing(service, 5)[-1] is True
    assert service.nodes[0].state is DOWN
    service.tick(31.0)
    assert service.nodes[0].state is DRAIN


def test_ejections_of_no_length_end_at_once() -> None:
    service = health(base=0.0)
    for _ in range(3):
        assert failing(service, 5) == [False] * 5
        assert service.nodes[0].state is UP
    assert service.nodes[0].ejections == 1


# The operator.


@pytest.mark.parametrize(
    ("mode", "probed", "state", "why"),
    [
        (Mode.READY, UP, UP, ""),
        (Mode.READY, DOWN, DOWN, "probe failed: timeout"),
        (Mode.READY, DRAIN, DRAIN, "drained: its health path answers 404"),
        (Mode.DRAIN, UP, DRAIN, "drained, by the operator"),
        (Mode.DRAIN, DOWN, DOWN, "probe failed: timeout"),
        (Mode.DRAIN, DRAIN, DRAIN, "drained, by the operator"),
        (Mode.MAINT, UP, MAINT, "maintenance, by the operator"),
        (Mode.MAINT, DOWN, MAINT, "maintenance, by the operator"),
        (Mode.MAINT, DRAIN, MAINT, "maintenance, by the operator"),
    ],
)
def test_what_the_operator_says_goes_over_what_probes_say(
    mode: Mode, probed: NodeState, state: NodeState, why: str
) -> None:
    service = health()
    bring(service, 0, probed)
    service.set_mode(0, mode, 2.0)
    assert (service.nodes[0].mode, service.nodes[0].state, service.nodes[0].why) == (mode, state, why)
    service.set_mode(0, Mode.READY, 3.0)
    assert service.nodes[0].state is probed


def test_probes_go_on_in_maintenance() -> None:
    """So that a node comes back in the state that it is in."""
    service = health()
    service.set_mode(0, Mode.MAINT, 1.0)
    assert probes(service, "+---") == "mmmm"
    service.set_mode(0, Mode.READY, 2.0)
    assert service.nodes[0].state is DOWN


def test_a_drain_ends_in_maintenance_at_its_deadline() -> None:
    service = health()
    assert service.set_mode(0, Mode.DRAIN, 1.0, deadline=61.0) is True
    assert service.tick(60.9) is False
    assert service.tick(61.0) is True
    assert service.view().nodes[0].state is MAINT
    assert service.nodes[0].why == "drained by the operator, its deadline has passed"
    assert service.set_mode(0, Mode.READY, 62.0) is True
    assert service.view().nodes[0].state is UP


# Slow start.


def shares(service: ServiceHealth, *times: float) -> list[float]:
    found = []
    for now in times:
        service.tick(now)
        found.append(service.view().nodes[0].share)
    return found


def test_a_node_that_comes_up_gets_more_by_and_by() -> None:
    service = ServiceHealth(view([NodeView("n0", weight=10), *up(3)[1:]]), HealthRules(slow_start=90.0), 0.0)
    assert service.view().nodes[0].share == 10.0  # not when the proxy starts
    probes(service, "+---", now=100.0)
    probes(service, "++", now=1000.0)
    assert service.view().nodes[0].share == 1.0
    assert shares(service, 1009.9, 1010.0, 1045.0, 1089.9, 1090.0, 9999.0) == [1.0, 2.0, 5.0, 9.0, 10.0, 10.0]


def test_a_slow_start_makes_nine_new_views() -> None:
    service = health(slow_start=90.0)
    bring(service, 0, DOWN)
    probes(service, "++", now=1000.0)
    assert sum(service.tick(1000.0 + tenth / 10) for tenth in range(2000)) == 9


@pytest.mark.parametrize(("before", "begins"), [(DOWN, True), (MAINT, True), (DRAIN, False)])
def test_a_node_that_was_only_draining_needs_no_slow_start(before: NodeState, begins: bool) -> None:
    service = health(slow_start=90.0)
    bring(service, 0, before)
    assert shares(service, 1000.0) == [1.0]
    service.set_mode(0, Mode.READY, 2000.0)
    probes(service, "++", now=2000.0)
    assert service.view().nodes[0].share == (0.1 if begins else 1.0)


def test_without_slow_start_a_node_is_whole_at_once() -> None:
    service = health(slow_start=0.0)
    bring(service, 0, DOWN)
    probes(service, "++", now=1000.0)
    assert service.view().nodes[0].share == 1.0


# Whatever happens.

EVENTS = st.tuples(
    st.sampled_from(["passed", "failed", "draining", "request failed", "request passed", "mode", "tick"]),
    st.integers(0, 2),
    st.sampled_from(list(Mode)),
    st.sampled_from([0.0, 0.5, 5.0, 40.0]),
)


def happen(service: ServiceHealth, what: str, node: int, mode: Mode, now: float) -> bool:
    match what:
        case "passed":
            return service.probe_passed(node, now)
        case "failed":
            return service.probe_failed(node, now, "timeout")
        case "draining":
            return service.probe_draining(node, now)
        case "request failed":
            return any(service.request_failed(node, now, "timeout") for _ in range(5))
        case "request passed":
            return service.request_passed(node, now)
        case "mode":
            return service.set_mode(node, mode, now, deadline=now + 10 if mode is Mode.DRAIN else 1e9)
        case _:
            return service.tick(now)


@settings(max_examples=200)
@given(st.integers(1, 3), st.lists(EVENTS, max_size=60))
def test_invariants(count: int, events: list[tuple[str, int, Mode, float]]) -> None:
    service, now = health(count, slow_start=20.0), 0.0
    for what, node, mode, pause in events:
        now += pause
        before = service.view()
        changed = happen(service, what, node % count, mode, now)
        after = service.view()
        assert changed is (after != before)
        assert (after is before) is not changed
        assert [node.state for node in after.nodes] == [node.state for node in service.nodes]
        assert all(0.1 <= node.share <= 1.0 for node in after.nodes)
        if not any(TAKES_NEW[node.state] for node in after.nodes):
            assert not any(node.why.startswith("ejected") for node in service.nodes)
        for state, suspicion in zip((node.state for node in after.nodes), service.suspicious, strict=True):
            assert not suspicion or TAKES_PINNED[state]


# Other processes.


def test_the_health_of_another_process_is_the_same_once_it_is_told() -> None:
    judge, mirror = health(slow_start=10.0), health(slow_start=10.0)
    probes(judge, "---")
    probes(judge, "---++", node=1, now=5.0)
    judge.set_mode(2, Mode.DRAIN, 6.0, 60.0)
    failing(judge, 2, node=1)
    mirror.adopt(judge.standings())
    assert mirror.view().nodes == judge.view().nodes
    assert [node.state for node in mirror.nodes] == [DOWN, UP, DRAIN]
    assert mirror.suspicious == [0, 2, 0]
    assert mirror.standings() == judge.standings()
