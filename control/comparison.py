"""One pass over the lists of a service's nodes: reads them, and does what follows at a bounded rate."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from sessions.contract.homes import Entry, Job, Work
from sessions.contract.messages import STORE, Action, Answer, Call, Kind
from sessions.contract.reconciling import PAGE, Page, Reconciliation

MOST_JOBS = 32  # under way at once
CATCH_UP_SECONDS = 0.1  # of a rate that may be made up for after a pause
# So much of a rate begins at once, and then nothing for as long: what a node is asked in the same moment
# travels in one request, which costs more than all that is in it.
BUNCH_SECONDS = 0.05
PAUSE = 4.0  # times as long as a node's last page took is waited before its next one: requests go first
GIVING_WAY = 5.0  # times as long as the event loop was late is waited in addition, for the same reason


class Caller(Protocol):
    """Who may hold a session."""

    def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Awaitable[Answer | None]:
        """Its answer; None: silence."""


class Lister(Caller, Protocol):
    """A node's endpoint."""

    @property
    def keeps_as(self) -> bytes:
        """The name by which it keeps its sessions, as of its last list; empty where it says none."""

    async def entries(self, after: str, limit: int) -> list[Entry] | None:
        """A page of its list; None: silence."""


class Turns:
    """At most so many a second, and fewer where the event loop has much to do."""

    def __init__(self, rate: int) -> None:
        self._gap = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next one."""
        time = asyncio.get_running_loop().time
        now = time()
        self._next = max(self._next, now - CATCH_UP_SECONDS) + self._gap
        if self._next > now + BUNCH_SECONDS:
            await asyncio.sleep(self._next - now)
            self._next += GIVING_WAY * max(0.0, time() - self._next)


class Jobs:
    """Does what a comparison found to be done. Each job may be done twice, or by several proxies."""

    def __init__(
        self,
        nodes: Sequence[Caller],
        names: Sequence[str],
        store: Caller | None,
        stays: Callable[[str, int], bool] = lambda _session_id, _node: False,
    ) -> None:
        """`stays`: whether a session is not to be moved now from this node."""
        self._nodes = nodes
        self._names = names
        self._store = store
        self._stays = stays

    async def do(self, job: Job) -> bool:
        """Whether everybody has answered: what was refused is no longer needed."""
        match job.work:
            case Work.END:
                return await self._heard(job, Action(Call.END, job.node))
            case Work.MOVE if self._stays(job.session_id, job.node):
                return True
            case Work.STOP | Work.MOVE:
                return await self._heard(job, Action(Call.FENCE, job.node, job.number))
            case Work.COPY:
                return await self._bring(job, job.source, job.node)
            case Work.CHECK:
                return await self._check(job)

    async def _bring(self, job: Job, source: int, target: int) -> bool:
        held = await self._ask(job, Action(Call.GET, source))
        if held is not None and held.kind is Kind.ENDED:
            return await self._heard(job, Action(Call.END, target))
        if held is None or held.kind is not Kind.HELD:
            return held is not None
        if target != STORE:
            # Lists are read one after the other. It may have taken the session over in between, and what
            # others have be its own writes: given these it would serve it no more.
            there = await self._ask(job, Action(Call.GET, target))
            if there is None or there.version >= held.version:
                return there is not None
        return await self._heard(job, Action(Call.PUT, target, held.version, held.state))

    async def _check(self, job: Job) -> bool:
        """Whether the store and the node that serves agree."""
        stored = await self._ask(job, Action(Call.GET, STORE))
        if stored is None:
            return False
        if stored.kind is Kind.ENDED:
            return await self._heard(job, Action(Call.END, job.node))
        if stored.version > job.number:
            return await self._heard(job, Action(Call.FENCE, job.node, stored.version))
        there = stored.version == job.number or job.number <= 1  # 1: nothing was ever written
        return there or await self._bring(job, job.node, STORE)

    async def _heard(self, job: Job, action: Action) -> bool:
        return await self._ask(job, action) is not None

    async def _ask(self, job: Job, action: Action) -> Answer | None:
        if action.target != STORE:
            return await self._nodes[action.target].call(action, job.session_id, job.ttl)
        assert self._store is not None, "only where there is one is it compared with"
        node = job.node if job.node != STORE else job.source
        writer = self._names[node] if node >= 0 else ""
        return await self._store.call(action, job.session_id, job.ttl, writer=writer)


class Comparison:
    """Drives one `Reconciliation`."""

    def __init__(
        self, work: Reconciliation, nodes: Sequence[Lister], jobs: Jobs, copying: Turns, moving: Turns
    ) -> None:
        self._work = work
        self._nodes = nodes
        self._jobs = jobs
        self._copying = copying
        self._moving = moving
        self._stirred = asyncio.Event()
        self._room = asyncio.Semaphore(MOST_JOBS)
        self._took: dict[int, float] = {}  # seconds for a node's last page, until it had been looked at

    async def run(self) -> int:
        """To its end; how many jobs there were."""
        work, count = self._work, 0
        async with asyncio.TaskGroup() as group:
            self._read(group, work.start())
            while not work.done:
                self._stirred.clear()
                self._read(group, work.advance())
                jobs = work.take(MOST_JOBS)  # those of this step, too: nobody stirs for them
                for job in jobs:
                    await self._begin(group, job)
                count += len(jobs)
                if work.ready:
                    await asyncio.sleep(0)  # requests come first
                elif not jobs and not work.done:
                    await self._stirred.wait()
        return count

    def _read(self, group: asyncio.TaskGroup, pages: Iterable[Page]) -> None:
        for page in pages:
            group.create_task(self._read_page(group, page))

    async def _read_page(self, group: asyncio.TaskGroup, page: Page) -> None:
        """After a pause. Lists of 16,000 entries, one page upon the other, took half a second, during which
        requests waited for a quarter of one: just when a node had gone, and its sessions had to move."""
        await asyncio.sleep(PAUSE * self._took.get(page.node, 0.0))
        time = asyncio.get_running_loop().time
        began = time()
        entries = await self._nodes[page.node].entries(page.after, PAGE)
        if entries is None:
            pages = self._work.silent(page.node)
        else:
            pages = self._work.listed(page.node, entries, len(entries) < PAGE)
        self._took[page.node] = time() - began
        self._read(group, pages)
        self._stirred.set()

    async def _begin(self, group: asyncio.TaskGroup, job: Job) -> None:
        await (self._moving if job.work in (Work.STOP, Work.MOVE) else self._copying).turn()
        await self._room.acquire()
        group.create_task(self._perform(job))

    async def _perform(self, job: Job) -> None:
        try:
            self._work.finished(job, await self._jobs.do(job))
        finally:
            self._room.release()
            self._stirred.set()
