"""Affinity: a node that dies takes exactly its own sessions with it, and the metric says how many."""

import asyncio
from pathlib import Path

from tests.survival.faults import kill
from tests.survival.findings import Window
from tests.survival.play import Performance, Plan, performance
from tests.survival.processes import until
from tests.survival.setups import AFFINITY


async def test_exactly_the_dead_nodes_sessions_are_lost(tmp_path: Path) -> None:
    async with performance(Plan(AFFINITY, 1, counters=200, browsers=0), tmp_path) as run:
        victims = [name for node in (0, 1) for name in await bury(run, node)]
        counted = await run.stage.total("limpet_sessions_lost_total")
    assert run.findings.wrong == []
    assert run.findings.unexplained() == []
    assert sorted(loss.session for loss in run.findings.losses) == sorted(victims)
    assert counted == len(victims) > 0


async def bury(run: Performance, node: int) -> list[str]:
    """Kill a node until each of its sessions has been asked for; their ids. It comes back empty."""
    began = asyncio.get_running_loop().time()
    kill(run.stage.nodes[node], run.findings)
    victims = [counter for counter in run.cast.counters if counter.pinned == node]
    names = [counter.session for counter in victims]
    await until(lambda: all(counter.pinned != node for counter in victims), "all have gone elsewhere")
    run.stage.nodes[node].start()
    await run.stage.all_up()
    run.findings.faults.append(Window(began, asyncio.get_running_loop().time(), "a death"))
    return names
