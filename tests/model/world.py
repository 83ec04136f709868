"""One run: nodes, two proxies, clients and faults, all from one seed."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, NamedTuple

from tests.model.clients import Browser, Findings
from tests.model.clock import run
from tests.model.links import Setup
from tests.model.network import Machine, Network
from tests.model.proxy import Proxy
from tests.model.store import Store
from tests.model.watch import Level

_MOMENT = 0.2  # seconds for which a node may hang without being taken for dead


class Plan(NamedTuple):
    """What a run is like. Seconds are of the computed clock."""

    seed: int
    seconds: float = 40.0
    browsers: int = 2
    counters: int = 2
    faults: bool = True
    stop_early: bool = False  # when something is wrong
    # Whether a node may fail while another is cut off from one of the proxies: one schedule in a hundred then
    # loses something by design (see Faults._disagreeing), but a rule that is taken out is missed much sooner.
    rough: bool = False
    setup: Setup | None = None  # None: by the seed
    drains: bool = False  # nodes are taken out of service now and then, and killed when nothing is left there


class Outcome(NamedTuple):
    """What came of it."""

    wrong: list[str]
    counts: Counter[str]
    faults: Counter[str]


def setup_of(seed: int) -> Setup:
    """Half of the runs have a store: as the only holder, or as the fallback."""
    strategy = seed % 4
    nodes = 4 if seed % 8 < 6 else 6
    return Setup(nodes, 0 if strategy == 1 else 1 + (seed % 16 == 8), strategy in (1, 3), give_up=20.0)


def play(plan: Plan) -> Outcome:
    """The whole run."""
    return run(_play(plan))


async def _play(plan: Plan) -> Outcome:
    random = Random(plan.seed)
    setup = plan.setup or setup_of(plan.seed)
    machines = [Machine(i, random) for i in range(setup.nodes)]
    network, store, findings = Network(machines, random), Store(), Findings()
    proxies = [Proxy(i, setup, network, store, random) for i in range(2)]
    faults = Faults(network, store, proxies, setup, random, plan.rough)
    faults.drains = plan.drains
    findings.overwriting = setup.overwrite
    if setup.max_lag:
        findings.windows = faults.windows
        findings.unsettled = lambda name: any(name in proxy.keeper.unsettled for proxy in proxies)
    browsers = [Browser(f"b{i}", proxies, random, findings, False) for i in range(plan.browsers)]
    browsers += [Browser(f"c{i}", proxies, random, findings, True) for i in range(plan.counters)]
    loops = [browser.browse(plan.seconds) for browser in browsers for _ in range(1 if browser.calm else 3)]
    chaos = asyncio.ensure_future(faults.go_on()) if plan.faults else None
    browsing: asyncio.Future[Any] = asyncio.gather(*loops)
    if plan.stop_early:
        wrong: asyncio.Future[Any] = asyncio.ensure_future(findings.first.wait())
        await asyncio.wait({browsing, wrong}, return_when=asyncio.FIRST_COMPLETED)
        if browsing.done():
            browsing.result()
    else:
        await browsing
    if not (plan.stop_early and findings.wrong):
        if chaos is not None:
            chaos.cancel()
        faults.heal()
        await asyncio.sleep(5.0)
        for browser in browsers:
            await browser.review()
    for machine in machines:
        for fault in machine.faults:
            raise fault
    counts = findings.counts
    for proxy in proxies + faults.retired:
        counts += proxy.counts
    return Outcome(findings.wrong, counts, faults.counts)


class Faults:
    """What goes wrong, one thing after the other and several at once."""

    def __init__(
        self, network: Network, store: Store, proxies: list[Proxy], setup: Setup, random: Random, rough: bool
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.drains = False
        self.retired: list[Proxy] = []
        self.windows: list[tuple[float, float]] = []  # before each death: as long as the lag was then
        self._network = network
        self._store = store
        self._proxies = proxies
        self._setup = setup
        self._random = random
        self._rough = rough
        self._running: set[asyncio.Task[None]] = set()
        self._safe_since: list[int] | None = [0] * len(
            proxies
        )  # passes when all was well again; None: it is not

    async def go_on(self) -> None:
        kinds = [self._kill, self._kill, self._freeze, self._cut, self._flap]
        if self._setup.store:
            kinds.append(self._lose_store)
        if self._setup.mortal:
            kinds.append(self._restart)
        if self.drains:
            kinds.append(self._drain)
        while True:
            await asyncio.sleep(self._random.random() * 1.0)
            self._look()
            task = asyncio.ensure_future(self._random.choice(kinds)())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def heal(self) -> None:
        for task in self._running:
            task.cancel()
        self._store.down = False
        self._network.cuts.clear()
        for machine in self._network.machines:
            if machine.dead:
                machine.start()
            machine.thaw()

    def _look(self) -> None:
        """Whether there has been time to be protected again since the last node was killed."""
        if any(machine.dead for machine in self._network.machines):
            return  # also while nobody has noticed yet
        if self._safe_since is None and all(proxy.watch.content for proxy in self._proxies):
            self._safe_since = [proxy.watch.passes + 2 for proxy in self._proxies]

    def _protected(self) -> bool:
        since = self._safe_since
        return since is not None and all(
            p.watch.passes >= at for p, at in zip(self._proxies, since, strict=True)
        )

    def _disagreeing(self) -> bool:
        """Whether the proxies see different nodes up.

        A write may then have its copy where one of them cannot see it. Were its owner away, too, that proxy
        would hand an older copy to whoever comes with a token as old, and what is newer would be lost.
        """
        if self._rough:
            return False
        return bool(self._network.cuts) or len({tuple(proxy.watch.levels) for proxy in self._proxies}) > 1

    def _alone(self) -> bool:
        """Whether whoever is away next is the only one.

        A node that hangs for so long that it is taken for dead is away as much as a dead one. What only those
        two have is missed by a request with a token from before: one copy outlives the loss of one node.
        """
        return self._rough or not any(Level.DOWN in proxy.watch.levels for proxy in self._proxies)

    def _hang(self, machine: Machine, seconds: float) -> float:
        """Freeze it; for how long: a moment only, while another one may still be missed."""
        machine.freeze()
        return seconds if self._rough or (self._protected() and self._alone()) else min(seconds, _MOMENT)

    async def _kill(self) -> None:
        if not self._protected() or self._store.down or self._disagreeing() or not self._alone():
            return
        self._safe_since = None
        machine = self._random.choice(self._network.machines)
        self.counts["killed"] += 1
        self._note_lag()
        machine.kill()
        for other in [] if self._rough else self._network.machines:
            other.thaw()
        await asyncio.sleep(0.05 + self._random.random() * 2)
        machine.start()
        machine.thaw()

    def _note_lag(self) -> None:
        now, lag = asyncio.get_running_loop().time(), max(p.keeper.lag_seconds for p in self._proxies)
        assert lag <= self._setup.max_lag
        self.windows.append((now - lag, now))

    async def _restart(self) -> None:
        """A proxy is killed, and another begins in its place with nothing."""
        index = self._random.randrange(len(self._proxies))
        old = self._proxies[index]
        self.counts["proxy killed"] += 1
        old.kill()
        self.retired.append(old)
        if self._safe_since is not None:
            self._safe_since[index] = 2
        self._proxies[index] = Proxy(index, self._setup, self._network, self._store, self._random)

    async def _drain(self) -> None:
        """Nothing but being told that nothing is left has to be waited for before a node is killed."""
        if not self._protected() or self._disagreeing():
            return
        self._safe_since = None
        machine = self._random.choice(self._network.machines)
        node = machine.index
        for proxy in self._proxies:
            proxy.watch.set_level(node, Level.DRAIN)
        for _ in range(100):
            await asyncio.sleep(0.1)
            if all(proxy.watch.left.get(node) == 0 for proxy in self._proxies):
                self.counts["drained"] += 1
                machine.kill()
                await asyncio.sleep(0.5)
                machine.start()
                return
            if any(proxy.watch.levels[node] is not Level.DRAIN for proxy in self._proxies):
                break
        for proxy in self._proxies:
            if proxy.watch.levels[node] is Level.DRAIN:
                proxy.watch.set_level(node, Level.SYNCING)

    async def _freeze(self) -> None:
        machine = self._random.choice(self._network.machines)
        if machine.dead or any(other.frozen for other in self._network.machines) or self._disagreeing():
            return
        self.counts["frozen"] += 1
        await asyncio.sleep(self._hang(machine, self._random.random() * 2))
        machine.thaw()

    async def _flap(self) -> None:
        machine = self._random.choice(self._network.machines)
        if machine.dead or any(other.frozen for other in self._network.machines) or self._disagreeing():
            return
        self.counts["flapped"] += 1
        for _ in range(3):
            await asyncio.sleep(self._hang(machine, self._random.random() * 0.9))
            machine.thaw()
            await asyncio.sleep(self._random.random() * 0.5)

    async def _cut(self) -> None:
        away = any(machine.dead or machine.frozen for machine in self._network.machines)
        alone = not away and all(proxy.watch.content for proxy in self._proxies)
        if self._network.cuts or not (alone or self._rough):
            return
        link = (self._random.randrange(len(self._proxies)), self._random.randrange(self._setup.nodes))
        self.counts["cut"] += 1
        self._network.cuts.add(link)
        await asyncio.sleep(self._random.random() * 3)
        self._network.cuts.discard(link)

    async def _lose_store(self) -> None:
        if self._store.down or not self._protected():
            return
        self._safe_since = None
        self.counts["store lost"] += 1
        self._store.down = True
        await asyncio.sleep(self._random.random() * 2)
        self._store.down = False
