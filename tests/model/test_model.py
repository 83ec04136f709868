"""The contract under faults: nothing acknowledged is lost, and each rule taken out loses something.

LIMPET_MODEL_SEEDS: how many schedules to run instead of a few; a minute of a core is about 30 of them.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.model.mutations import MUTATIONS, without_rule
from tests.model.schedules import SCHEDULES
from tests.model.world import Outcome, Plan, play, setup_of

SEEDS = int(os.environ.get("LIMPET_MODEL_SEEDS", "6"))

# In which schedule each rule is missed soon. Whatever changes the schedules changes these: the next ones are
# tried, too, before a rule counts as not missed.
MISSED: dict[str, int] = {
    "nobody is fenced": 0,
    "who is down is not waited for": 0,
    "the tokens version is the truth": 0,
    "a fencing number is only one more": 0,
    "the store is not fenced": 22,
    "only near nodes are asked": 14,
    "answers leave before they are settled": 0,
    "any higher version supersedes": 1,
    "the pin counts as a copy": 0,
    "ends are not spread": 2,
    "a login does not end the old id": 10,
    "nothing is reconciled": 0,
    "a node answers from a copy": 12,
    "a node answers below the version asked for": 4,
    "a copy below the fence is taken": 30,
    "who is fenced serves on": 18,
    "a node forgets ends": 0,
}
# (Rules that only a schedule made for them misses are in `schedules`.)
_TRIED = 12
_OLDER_READS = 2  # in one schedule, where there are none as a rule


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nodes warn of each write that they discard, and here they discard many."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_acknowledged_is_lost(seed: int) -> None:
    outcome = play(Plan(seed))
    assert outcome.wrong == []
    assert outcome.counts["answered"] > 1000
    assert outcome.counts["takeover"] > 10
    assert outcome.counts["older reads"] < _OLDER_READS


def test_without_faults_nothing_is_older_or_unprotected() -> None:
    counts: Counter[str] = Counter()
    for seed in range(4):
        outcome = play(Plan(seed, seconds=10, faults=False))
        assert outcome.wrong == []
        counts += outcome.counts
    assert counts["older reads"] == counts["unprotected"] == counts["conflict"] == counts["lost"] == 0


def test_a_seed_is_a_schedule() -> None:
    plan = Plan(3, seconds=10)
    assert play(plan) == play(plan)


@pytest.mark.parametrize("name", MISSED)
def test_each_rule_is_missed(name: str) -> None:
    with without_rule(name):
        assert any(_harmful(play(Plan(MISSED[name] + i, stop_early=True, rough=True))) for i in range(_TRIED))


def _harmful(outcome: Outcome) -> bool:
    return bool(outcome.wrong) or outcome.counts["older reads"] >= _OLDER_READS


def test_the_table_is_whole() -> None:
    assert MISSED.keys() | SCHEDULES.keys() == MUTATIONS.keys()


def test_half_of_the_schedules_have_a_store() -> None:
    setups = [setup_of(seed) for seed in range(16)]
    assert sum(setup.store for setup in setups) == 8
    assert {setup.replicas for setup in setups} == {0, 1, 2}
