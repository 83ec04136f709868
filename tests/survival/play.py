"""One run: a setup, its clients, and faults one after the other, each healed before the next."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.survival.browsers import Browser
from tests.survival.counters import Counter
from tests.survival.faults import Fault
from tests.survival.findings import Findings, Window
from tests.survival.setups import Setup
from tests.survival.stage import Stage, on_stage


class Plan(NamedTuple):
    """What a run is like. Pauses are seconds between two requests of a counter, two pages of a browser."""

    setup: Setup
    seed: int
    faults: Sequence[Fault] = ()
    counters: int = 160
    browsers: int = 40
    counter_pause: float = 2.0
    browser_pause: float = 6.0
    calm: float = 0.5  # seconds between two faults, at most


class Cast:
    """The clients of a run."""

    def __init__(self, plan: Plan, stage: Stage, findings: Findings, random: Random) -> None:
        ports = [proxy.port for proxy in stage.proxies]
        self.counters = [
            Counter(i, f"c{i}", ports, Random(random.random()), findings) for i in range(plan.counters)
        ]
        self.browsers = [
            Browser(plan.counters + i, f"b{i}", ports, Random(random.random()), findings)
            for i in range(plan.browsers)
        ]
        self._plan = plan
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        plan = self._plan
        self._tasks = [
            asyncio.create_task(counter.count(self._over, plan.counter_pause)) for counter in self.counters
        ]
        self._tasks += [
            asyncio.create_task(browser.browse(self._over, plan.browser_pause)) for browser in self.browsers
        ]

    async def begun(self) -> None:
        """Wait until every counter has counted."""
        end = time.monotonic() + 30
        while not all(counter.acknowledged for counter in self.counters):
            assert time.monotonic() < end, "clients cannot begin"
            await asyncio.sleep(0.05)

    async def finish(self) -> None:
        """Let what is under way end. Raises what broke a client."""
        self._over.set()
        await asyncio.gather(*self._tasks)

    async def review(self) -> None:
        """Ask for everything that was acknowledged, some clients at a time."""
        clients: list[Counter | Browser] = [*self.counters, *self.browsers]
        for first in range(0, len(clients), 20):
            await asyncio.gather(*(client.review() for client in clients[first : first + 20]))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for client in (*self.counters, *self.browsers):
            client.close()


class Performance:
    """A run that has begun: every counter has counted."""

    def __init__(self, stage: Stage, cast: Cast, findings: Findings, random: Random) -> None:
        self.stage = stage
        self.cast = cast
        self.findings = findings
        self.random = random

    async def strike(self, fault: Fault) -> None:
        """One fault, until everything is well again; where that does not come, it is a finding."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await fault.strike(self.stage, self.random, self.findings)
            await self.stage.all_up()
            await self.stage.protected()
        except AssertionError as error:
            self.findings.report(f"after '{fault.name}': {error}")
        self.findings.faults.append(Window(began, loop.time(), fault.name))


@asynccontextmanager
async def performance(plan: Plan, folder: Path) -> AsyncIterator[Performance]:
    """Everything runs while the block does; then all that was acknowledged is asked for."""
    findings, random = Findings(), Random(plan.seed)
    async with on_stage(plan.setup, folder) as stage:
        cast = Cast(plan, stage, findings, random)
        try:
            cast.start()
            await cast.begun()
            yield Performance(stage, cast, findings, random)
            await cast.finish()
            await cast.review()
        finally:
            cast.close()
        findings.wrong += [
            what for process in (*stage.proxies, *stage.nodes) for what in process.complaints()
        ]


async def play(plan: Plan, folder: Path) -> Findings:
    """The whole run. What went wrong is in the findings; an AssertionError: it could not be played."""
    async with performance(plan, folder) as run:
        for fault in plan.faults:
            await asyncio.sleep(plan.calm * run.random.random())
            await run.strike(fault)
    return run.findings
