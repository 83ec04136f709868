"""How far a comparison has come: a bar in a terminal, a line for each act elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import accumulate

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from control.compare.plan import Plan

START, REVIEW = "three nodes start, and Limpet before them", "everybody comes once more"
START_SECONDS, FILL_RATE = 3.0, 600.0  # about
TICK_SECONDS = 0.2


def filling(strategy: str) -> str:
    """What is told when a strategy's sessions are made."""
    return f"sessions are made: {strategy}"


def expected(plan: Plan) -> dict[str, float]:
    """Seconds that each act will take, about, in their order."""
    fill = plan.sessions / FILL_RATE
    return {
        START: START_SECONDS,
        **{filling(strategy): fill for strategy in plan.strategies},
        **{act.name: plan.lasting(act) for act in plan.acts},
        REVIEW: fill * len(plan.strategies),
    }


@asynccontextmanager
async def progress(console: Console, plan: Plan) -> AsyncIterator[Callable[[str], None]]:
    """Yields what is told the name of each act that begins."""
    if not console.is_terminal:
        yield lambda what: console.print(what, style="dim")
        return
    seconds = expected(plan)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=sum(seconds.values()))
        ends = dict(zip(seconds, accumulate(seconds.values()), strict=True))
        now = START

        def tell(what: str) -> None:
            nonlocal now
            now = what
            bar.update(task, description=what, completed=ends[what] - seconds[what])

        async def tick() -> None:
            while True:
                await asyncio.sleep(TICK_SECONDS)
                done = bar.tasks[task].completed + TICK_SECONDS
                bar.update(task, completed=min(done, ends[now]))

        ticking = asyncio.create_task(tick())
        try:
            yield tell
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
