"""Two nodes and a fallback: each dies once, after the fallback was away, and nothing acknowledged is lost.

More of it, for as long as you like, is `python -m bench.soak --setup fallback`.
"""

from pathlib import Path

from tests.survival.faults import KillOneThenTheOther
from tests.survival.play import Plan, Turn, play
from tests.survival.schedules import lost_nothing
from tests.survival.setups import FALLBACK
from tests.survival.store_faults import SPARE_OUTAGES

SEED = 1


async def test_nothing_is_lost_when_each_node_dies_once(tmp_path: Path) -> None:
    faults = (SPARE_OUTAGES[0], Turn(KillOneThenTheOther(), held=True))
    plan = Plan(
        FALLBACK, SEED, faults, counters=40, browsers=16, counter_pause=0.5, browser_pause=1.0, calm=0.1
    )
    findings = await play(plan, tmp_path)
    bad = lost_nothing(findings)
    assert not bad, "\n".join([*bad[:20], findings.summary(), f"logs: {tmp_path}"])
    assert findings.bare == []  # so not one write may have been unprotected
    assert len(findings.waits) > 200
