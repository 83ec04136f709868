"""The same clients where nobody holds copies: what a node takes with it is found out, by both checkers."""

from pathlib import Path

from tests.survival.faults import Kill
from tests.survival.play import Plan, Turn, play
from tests.survival.schedules import lost_nothing
from tests.survival.setups import ALONE


async def test_the_checkers_see_what_is_lost(tmp_path: Path) -> None:
    faults = [Turn(Kill()), Turn(Kill(), held=True)]
    findings = await play(Plan(ALONE, 1, faults, counters=40, browsers=10, browser_pause=3.0), tmp_path)
    assert findings.losses
    assert any(" b" in what and "lost" in what for what in findings.wrong)
    assert len(lost_nothing(findings)) >= 2
