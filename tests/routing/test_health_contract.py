"""Node states where nodes speak the session contract: syncing, and those that turn out not to speak it."""

from math import inf

import pytest

from routing.states import Mode, NodeState
from tests.routing.test_health import failing, health, probes

UP, DOWN, SYNCING, DRAIN, MAINT = NodeState


def test_a_node_that_comes_back_is_syncing_until_it_knows_what_moved_on() -> None:
    service = health(contract=True)
    assert probes(service, "+---++") == "uuudds"
    node = service.nodes[0]
    assert service.synced(0, node.returns, 2.0)
    assert node.state is UP


def test_one_that_was_up_from_the_start_has_missed_nothing() -> None:
    service = health(contract=True)
    assert probes(service, "++") == "uu"


def test_one_that_went_away_again_meanwhile_is_not_in_step() -> None:
    service = health(contract=True)
    probes(service, "+---++")
    returns = service.nodes[0].returns
    assert probes(service, "---++") == "ssdds"
    assert not service.synced(0, returns, 2.0)
    assert service.nodes[0].state is SYNCING


def test_an_ejected_node_is_syncing_after_its_time_too() -> None:
    service = health(contract=True, failures=2, base=30.0)
    failing(service, 2)
    assert service.nodes[0].state is DOWN
    service.tick(40.0)
    assert service.nodes[0].state is SYNCING


def test_without_the_contract_nobody_is_ever_syncing() -> None:
    assert probes(health(), "+---++") == "uuuddu"


@pytest.mark.parametrize(("mode", "state"), [(Mode.DRAIN, DRAIN), (Mode.MAINT, MAINT)])
def test_what_the_operator_asked_for_stays_and_it_is_behind_all_the_same(
    mode: Mode, state: NodeState
) -> None:
    service = health(contract=True)
    service.set_mode(0, mode, 1.0)
    probes(service, "+---++")
    assert service.nodes[0].state is state
    service.set_mode(0, Mode.READY, 2.0)
    assert service.nodes[0].state is SYNCING


def test_one_in_maintenance_answers_as_long_as_its_probes_pass() -> None:
    service = health(contract=True)
    service.set_mode(0, Mode.MAINT, 1.0)
    node = service.nodes[0]
    assert (node.answering, node.away_since) == (True, inf)
    probes(service, "+---", now=5.0)
    assert (node.state, node.answering, node.away_since) == (MAINT, False, 5.0)


def test_a_node_without_the_contract_is_down_whatever_its_probes_say() -> None:
    service = health(contract=True)
    assert service.contract_missing(0, 1.0)
    node = service.nodes[0]
    assert node.state is DOWN
    assert node.why.startswith("no contract")
    assert probes(service, "+++") == "ddd"
    assert service.contract_found(0, 3.0)
    assert node.state is SYNCING
