"""One run: a setup, its clients, and faults one after the other, each healed before the next."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.survival.access import read_faults
from tests.survival.browsers import Browser
from tests.survival.counters import Counter
from tests.survival.faults import Fault
from tests.survival.findings import Findings, Strike, Window
from tests.survival.processes import PATIENCE, Process
from tests.survival.pulse import Pulse
from tests.survival.setups import NODES, Setup
from tests.survival.stage import Stage, on_stage

_APP_HOLDS = 1.0  # seconds: in them a lot of writes come together
_COPIES_HOLD = 0.2  # three of them, for a batch waits for those before it, are far less than ack_timeout
_MANY = 6
_LOGGING_SECONDS = 0.3  # until the last lines are in the access logs


class Turn(NamedTuple):
    """A fault, and whether writes are to be held when it strikes."""

    fault: Fault
    held: bool = False


class Plan(NamedTuple):
    """What a run is like. Pauses are seconds between two requests of a counter, two pages of a browser."""

    setup: Setup
    seed: int
    faults: Sequence[Turn | Fault] = ()
    counters: int = 160
    browsers: int = 40
    counter_pause: float = 3.0
    browser_pause: float = 8.0
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
        end = time.monotonic() + PATIENCE
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

    def connections(self, proxy: int) -> int:
        """What all of them have open to a proxy, and do not use just now."""
        return sum(client.connections(proxy) for client in (*self.counters, *self.browsers))

    def hold(self, seconds: float) -> None:
        """Have every counter's request take so long from now on; 0: no longer."""
        for counter in self.counters:
            counter.holding = seconds

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

    async def strike(self, fault: Fault, held: bool = False) -> None:
        """One fault, until everything is well again; where that does not come, it is a finding."""
        if held:
            await self._hold_writes()
        loop, findings = asyncio.get_running_loop(), self.findings
        began = loop.time()
        findings.strikes.append(Strike(fault.name, len(findings.held_writes()) if held else 0))
        self.cast.hold(0.0)
        try:
            await fault.strike(self.stage, self.random, findings)
            await self.stage.all_up()
            await self.stage.protected()
        except AssertionError as error:
            self.findings.report(f"after '{fault.name}': {error}")
        findings.faults.append(Window(began, loop.time(), fault.name))

    async def _hold_writes(self) -> None:
        """By apps that take their time, and by copies that do: until some are held at every node."""
        self.cast.hold(_APP_HOLDS)
        await self.stage.slow_copies(_COPIES_HOLD)
        nodes = {NODES.index(node.name) for node in self.stage.nodes}
        if not self.stage.setup.sticky:
            nodes = set()
        end = time.monotonic() + _APP_HOLDS
        while time.monotonic() < end:
            held = self.findings.held_writes()
            if len(held) >= _MANY and nodes <= {write.node for write in held}:
                break
            await asyncio.sleep(0.02)
        await self.stage.slow_copies(0.0)  # those that are held stay so


@asynccontextmanager
async def performance(plan: Plan, folder: Path) -> AsyncIterator[Performance]:
    """Everything runs while the block does; then all that was acknowledged is asked for."""
    findings, random = Findings(plan.setup.sticky), Random(plan.seed)
    async with on_stage(plan.setup, folder, findings.acknowledged) as stage:
        pulse = _pulse(stage, findings, folder if plan.setup.store == "embedded" else None)
        cast = Cast(plan, stage, findings, random)
        try:
            cast.start()
            await cast.begun()
            yield Performance(stage, cast, findings, random)
            await cast.finish()
            await cast.review()
            await asyncio.sleep(_LOGGING_SECONDS)
        finally:
            pulse.stop()
            cast.close()
        findings.look_up(read_faults(proxy.access_log for proxy in stage.proxies))
        findings.wrong += [
            what for process in (*stage.proxies, *stage.nodes) for what in process.complaints()
        ]


async def play(
    plan: Plan, folder: Path, healed: Callable[[Performance], None] = lambda run: None
) -> Findings:
    """The whole run; `healed` is told when all is well again after a fault.

    What went wrong is in the findings; an AssertionError: it could not be played.
    """
    async with performance(plan, folder) as run:
        for each in plan.faults:
            fault, held = each if isinstance(each, Turn) else Turn(each)
            await asyncio.sleep(plan.calm * run.random.random())
            await run.strike(fault, held)
            healed(run)
    return run.findings


def _pulse(stage: Stage, findings: Findings, written: Path | None) -> Pulse:
    beating: list[tuple[Process, int]] = [(node, node.port) for node in (*stage.nodes, stage.spare)]
    beating += [(proxy, proxy.admin_port) for proxy in stage.proxies]
    return Pulse(beating, lambda *told: findings.late.append(Window(*told)), written)
