"""Other settings than those that `setup_of` draws, under the same faults: each keeps what it promises."""

import logging
from collections.abc import Iterator

import pytest

from tests.model.links import Setup
from tests.model.world import Plan, play

PEERS = Setup(nodes=4, replicas=1, store=False, give_up=20.0)
STORE = Setup(nodes=4, replicas=0, store=True, give_up=20.0)
SECONDS = 25.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("plan", "happens"),
    [
        (Plan(0, SECONDS, setup=PEERS, drains=True), "drained"),
        (Plan(0, SECONDS, setup=PEERS._replace(rebalance=True)), "killed"),
        (Plan(0, SECONDS, setup=PEERS._replace(mortal=True)), "proxy killed"),
        (Plan(0, SECONDS, setup=Setup(nodes=2, replicas=1, store=True, give_up=20.0)), "store lost"),
        (Plan(0, SECONDS, setup=STORE._replace(sticky=False)), "store lost"),
    ],
    ids=["nodes are drained", "sessions go home", "proxies die", "two nodes and a fallback", "not sticky"],
)
def test_nothing_acknowledged_is_lost(plan: Plan, happens: str) -> None:
    outcome = play(plan)
    assert outcome.wrong == []
    assert outcome.counts["answered"] > 500
    assert outcome.faults[happens]


def test_with_asynchronous_copies_a_death_takes_no_more_than_the_lag() -> None:
    """And whatever else is missing was a write that was refused, and counted, after its answer."""
    outcome = play(Plan(0, SECONDS, setup=PEERS._replace(max_lag=0.1)))
    assert outcome.wrong == []
    assert outcome.counts["late"] == 0
    assert outcome.faults["killed"]


def test_where_the_last_counts_only_who_writes_beside_others_is_overwritten() -> None:
    """The counters, which have one request at a time, lose nothing. Each write that goes was a conflict."""
    outcome = play(Plan(0, SECONDS, setup=STORE._replace(sticky=False, overwrite=True)))
    assert outcome.wrong == []
    assert outcome.counts["overwritten"] and outcome.counts["conflict"]
