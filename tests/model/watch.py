"""What a proxy knows of the nodes: who is up, who may hold a session, who is in step with the others."""

import asyncio
from enum import IntEnum

from sessions.contract.homes import Job, Roles, Work
from sessions.contract.messages import STORE, Action, Call, Kind
from sessions.contract.reconciling import Reconciliation
from sessions.contract.searching import Around
from tests.model.links import PEER_TIMEOUT, Links
from tests.model.network import Machine, Refused

PROBE_INTERVAL = 0.2
FALL, RISE = 3, 2


class Level(IntEnum):
    UP = 0
    DOWN = 1
    SYNCING = 2
    DRAIN = 3


class Watch:
    """Probes, and passes of reconciliation."""

    def __init__(self, links: Links) -> None:
        setup = links.setup
        self.levels = [Level.UP] * setup.nodes
        self.since = [0.0] * setup.nodes
        self.store_up = True
        self.passes = 0  # of reconciliation, whole ones
        self.reconciling = True
        self.left: dict[int, int] = {}  # by draining node, as of a whole pass that began since
        self._lost: list[asyncio.Event] = [asyncio.Event() for _ in range(setup.nodes)]
        self._links = links
        self._failed = [0] * setup.nodes
        self._passed = [0] * setup.nodes
        self._store_since = 0.0
        self._store_behind = False
        self._stored: dict[str, int] = {}  # what reconciling knows to be in the store
        for node in range(setup.nodes):
            links.spawn(self._watch(node))
        links.spawn(self._watch_store())
        links.spawn(self._reconcile_always())

    @property
    def content(self) -> bool:
        """Whether everybody is up for this proxy."""
        return self.store_up and all(level is Level.UP for level in self.levels)

    def around(self, session_id: str, tried: frozenset[int] = frozenset()) -> Around:
        """What the proxy knows of a session's holders."""
        now = asyncio.get_running_loop().time()
        order = tuple(self._links.ring.order(session_id))
        ready = frozenset(i for i in order if self.levels[i] is Level.UP) - tried
        up = {i for i in order if self.levels[i] is not Level.DOWN}
        away = {i for i in order if i not in up and now - self.since[i] >= self._links.setup.give_up}
        if self._links.setup.store and self.store_up:
            up.add(STORE)
        elif self._links.setup.store and now - self._store_since >= self._links.setup.give_up:
            away.add(STORE)
        heir = next((i for i in order if i in ready), -1)
        return Around(order, frozenset(up), ready, frozenset(away), heir)

    async def down(self, node: int) -> None:
        """Wait until this node is declared down; what has been sent to it is then given up."""
        await self._lost[node].wait()

    # Health

    async def _watch(self, node: int) -> None:
        await asyncio.sleep(self._links.random.random() * PROBE_INTERVAL)
        while True:
            try:
                answer = await self._links.network.send(self._links.index, node, PROBE_INTERVAL, _alive)
            except Refused:
                answer = None
            self._probed(node, answer is not None)
            await asyncio.sleep(PROBE_INTERVAL)

    def _probed(self, node: int, passed: bool) -> None:
        self._failed[node] = 0 if passed else self._failed[node] + 1
        self._passed[node] = self._passed[node] + 1 if passed else 0
        level = self.levels[node]
        if level is not Level.DOWN and self._failed[node] >= FALL:
            self.set_level(node, Level.DOWN)
        elif level is Level.DOWN and self._passed[node] >= RISE:
            self.set_level(node, Level.SYNCING)

    def set_level(self, node: int, level: Level) -> None:
        self.levels[node] = level
        self.since[node] = asyncio.get_running_loop().time()
        self.left.pop(node, None)
        if level is Level.DOWN:
            self._lost[node].set()
            self._lost[node] = asyncio.Event()

    async def _watch_store(self) -> None:
        while True:
            up = not self._links.store.down
            if up != self.store_up:
                self.store_up = up
                self._store_behind = True
                self._store_since = asyncio.get_running_loop().time()
            await asyncio.sleep(PROBE_INTERVAL)

    # Reconciling

    async def _reconcile_always(self) -> None:
        while True:
            await asyncio.sleep(0.3 + self._links.random.random() * 0.4)
            if self.reconciling:
                await self._reconcile()

    async def _reconcile(self) -> None:
        levels, since = list(self.levels), list(self.since)
        listed = frozenset(i for i, level in enumerate(levels) if level is not Level.DOWN)
        ready = frozenset(i for i, level in enumerate(levels) if level is Level.UP)
        behind, self._store_behind = self._store_behind and self.store_up, False
        setup = self._links.setup
        syncing = frozenset(i for i in listed if levels[i] is Level.SYNCING)
        moves = 5 if setup.rebalance and len(ready) == setup.nodes else 0
        leaving = listed - ready - syncing
        fallback = bool(setup.store and self.store_up and 0 < len(ready) <= setup.replicas)
        roles = Roles(listed, ready, syncing, leaving, setup.replicas, behind, moves, sticky=setup.sticky)
        roles = roles._replace(fallback=fallback, marks=bool(setup.store and self.store_up))
        if behind:
            self._stored = {}
        work = Reconciliation(roles, self._links.ring.order, stored=self._stored)
        pages = work.start()
        while pages:
            page = pages.pop()
            entries = await self._links.page(page)
            pages += (
                work.silent(page.node) if entries is None else work.listed(page.node, entries, not entries)
            )
        while jobs := work.take(16):
            for job in jobs:
                work.finished(job, await self._do(job))
        for node in work.in_step:
            if self.levels[node] is Level.SYNCING and self.since[node] == since[node]:
                self.set_level(node, Level.UP)
        self._stored = self._stored | work.known
        if work.whole:
            still = (i for i in leaving if self.levels[i] is Level.DRAIN and self.since[i] == since[i])
            self.left.update((i, work.left[i]) for i in still)
        if behind and not (work.whole and self.store_up):
            self._store_behind = True
        self.passes += work.whole and self.store_up

    async def _do(self, job: Job) -> bool:
        """One job; False where somebody was silent."""
        name = job.session_id
        if job.work is Work.END:
            return await self._heard(name, Action(Call.END, job.node))
        if job.work in (Work.STOP, Work.MOVE):  # without regard for what runs: the rules must bear it
            return (
                await self._links.call(name, Action(Call.FENCE, job.node, job.number), PEER_TIMEOUT)
                is not None
            )
        if job.work is Work.CHECK:
            return await self._check(job)
        found = await self._links.call(name, Action(Call.GET, job.source), PEER_TIMEOUT)
        if found is None or found.kind is not Kind.HELD:
            if found is not None and found.kind is Kind.ENDED:
                return await self._heard(name, Action(Call.END, job.node))
            return found is not None
        action = Action(Call.PUT, job.node, found.version, found.state)
        return await self._heard(name, action)

    async def _check(self, job: Job) -> bool:
        """Whether the store and the node that serves agree."""
        name, node = job.session_id, job.node
        stored = await self._links.call(name, Action(Call.GET, STORE), PEER_TIMEOUT)
        if stored is None or stored.version == job.number:
            return stored is not None
        if stored.kind is Kind.ENDED:
            return await self._heard(name, Action(Call.END, node))
        if stored.version > job.number:
            return (
                await self._links.call(name, Action(Call.FENCE, node, stored.version), PEER_TIMEOUT)
                is not None
            )
        held = await self._links.call(name, Action(Call.GET, node), PEER_TIMEOUT)
        if held is None or held.kind is not Kind.HELD:
            return held is not None
        put = Action(Call.PUT, STORE, held.version, held.state)
        return await self._heard(name, put)

    async def _heard(self, session_id: str, action: Action) -> bool:
        return await self._links.call(session_id, action, PEER_TIMEOUT) is not None


async def _alive(machine: Machine) -> bool:
    await machine.awake()
    return True
