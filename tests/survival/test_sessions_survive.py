"""Each fault, under load: nothing acknowledged is lost, stale or another's, no end is undone.

Which faults go with what is in `schedules.py`. A failure names its seed and where its logs are; the same,
for as long as you like, is `python -m bench.soak`.
"""

from pathlib import Path
from random import Random

import pytest

from tests.survival.play import Plan, play
from tests.survival.schedules import KINDS, Kind, drawn, lost_nothing

SEED = 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_sessions_survive(kind: Kind, tmp_path: Path) -> None:
    faults = drawn(kind, Random(SEED), kind.times * len(kind.faults))
    plan = Plan(kind.setup, SEED, faults, calm=0.2)
    findings = await play(plan, tmp_path)
    bad = lost_nothing(findings)
    assert not bad, "\n".join([*bad[:20], findings.summary(), f"logs: {tmp_path}"])
    assert len(findings.waits) > 1000
    assert plan.counters + plan.browsers >= 200
