"""Each fault, under load: nothing acknowledged is lost, stale or another's, no end is undone.

Which faults go with what is in `schedules.py`. A failure names its seed and where its logs are; the same,
for as long as you like, is `python -m bench.soak`.
"""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.survival.play import Plan, Turn, play
from tests.survival.schedules import KINDS, Kind, drawn, lost_nothing

SEED = 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_sessions_survive(kind: Kind, tmp_path: Path) -> None:
    faults = drawn(kind, Random(SEED), kind.times * len(kind.faults))
    plan = Plan(kind.setup, SEED, faults, calm=0.2)
    findings = await play(plan, tmp_path)
    bad = lost_nothing(findings)
    assert not bad, "\n".join([*bad[:20], findings.summary(), f"logs: {tmp_path}"])
    assert len(findings.waits) > 500
    assert plan.counters + plan.browsers >= 200
    assert sum(strike.held > 0 for strike in findings.strikes) >= len(faults) // 2


def test_each_fault_comes_twice_and_once_of_it_while_writes_are_held() -> None:
    turns = [turn for kind in KINDS for turn in drawn(kind, Random(SEED), kind.times * len(kind.faults))]
    times, held = Counter(of(turn) for turn in turns), Counter(of(turn) for turn in turns if turn.held)
    assert {name for name, count in times.items() if count < 2 or not 0 < held[name] < count} == set()


def of(turn: Turn) -> str:
    """What is broken: a line may be cut for one proxy or for all, a master die or freeze."""
    return turn.fault.name.removesuffix(" for one proxy").removesuffix(" for all").partition(",")[0]
