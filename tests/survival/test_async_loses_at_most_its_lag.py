"""Replication, asynchronous: a node that dies takes at most what was not yet copied, and that is bounded."""

import asyncio
from pathlib import Path

from tests.survival.findings import Window
from tests.survival.play import Performance, Plan, performance
from tests.survival.setups import LAGGING

MAX_LAG = 0.5  # seconds, as in the setup
SLACK = 0.3  # for answers on their way to a busy client


async def test_no_more_is_lost_than_the_lag_said(tmp_path: Path) -> None:
    plan = Plan(LAGGING, 1, counters=200, browsers=0, counter_pause=0.7)
    async with performance(plan, tmp_path) as run:
        bounds = [await die_behind(run, node) for node in (0, 1, 2)]
    assert run.findings.wrong == []
    assert run.findings.unexplained() == []
    for loss in run.findings.losses:
        killed, lag = next((killed, lag) for killed, lag in reversed(bounds) if killed <= loss.at)
        assert lag <= MAX_LAG + SLACK
        assert loss.acknowledged
        assert min(loss.acknowledged) >= killed - lag - SLACK


async def die_behind(run: Performance, node: int) -> tuple[float, float]:
    """Freeze the copy holders, so that copies lag behind, and kill; when, and the lag as seen before."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    others = [each for each in run.stage.nodes if each is not run.stage.nodes[node]]
    for other in others:
        other.freeze()
    await asyncio.sleep(0.3)
    seen = loop.time()
    lag = max([await run.stage.metric(i, "limpet_replication_lag_seconds") for i in range(2)])
    run.stage.nodes[node].kill()
    killed = loop.time()
    assert lag > 0, "nothing was behind: this shows nothing"
    for other in others:
        other.thaw()
    await asyncio.sleep(1.0)
    run.stage.nodes[node].start()
    await run.stage.all_up()
    await run.stage.protected()
    run.findings.faults.append(Window(began, loop.time(), "a death behind its copies"))
    return killed, lag + (killed - seen)
