"""The contract under faults: nothing acknowledged is lost, and each rule taken out loses something.

LIMPET_MODEL_SEEDS: how many schedules to run instead of a few; a minute of a core is about 25 of them.
"""

import os
from collections import Counter

import pytest

from tests.model.mutations import MUTATIONS, without_rule
from tests.model.world import Plan, play, setup_of

SEEDS = int(os.environ.get("LIMPET_MODEL_SEEDS", "8"))

# In which schedule each rule is missed first. Whatever changes the schedules changes these: the next ones are
# tried, too, before a rule counts as not missed.
MISSED: dict[str, int] = {}
# Rules that no schedule has been found to miss, and why.
NOT_MISSED: dict[str, str] = {}
_TRIED = 12


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_acknowledged_is_lost(seed: int) -> None:
    outcome = play(Plan(seed))
    assert outcome.wrong == []
    assert outcome.counts["answered"] > 1000
    assert outcome.counts["takeover"] > 10


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
        assert any(play(Plan(MISSED[name] + i, stop_early=True)).wrong for i in range(_TRIED))


def test_the_table_is_whole() -> None:
    assert MISSED.keys() | NOT_MISSED.keys() == MUTATIONS.keys()


def test_half_of_the_schedules_have_a_store() -> None:
    setups = [setup_of(seed) for seed in range(16)]
    assert sum(setup.store for setup in setups) == 8
    assert {setup.replicas for setup in setups} == {0, 1, 2}
