"""One comparison from its beginning to its end: fill, load, a dead node, a store that is gone, the count."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from time import monotonic

import aiohttp

from control.compare.load import Load
from control.compare.plan import (
    AWAY,
    BACK,
    CALM,
    DEAD,
    HEALED,
    LONGEST,
    NODES,
    RATE,
    VICTIM,
    Act,
    Plan,
)
from control.compare.progress import REVIEW, filling
from control.compare.results import Event
from control.compare.stage import Metrics, Stage
from control.compare.visitors import READ, WRITE, Visitor
from sessions.token import Sealer

POLL_SECONDS = 0.1
ANSWER_SECONDS = 10.0  # after which a request has failed
Tell = Callable[[str], None]
Condition = Callable[[], Awaitable[bool]]


class TooLong(Exception):
    """What has to come about does not; the message says what."""


@dataclass(slots=True)
class Record:
    """What was seen while it was played. Moments are by `time.monotonic`, and 0.0 where there were none."""

    loaded: tuple[float, float] = (0.0, 0.0)  # from the beginning of the load to its end
    killed: float = 0.0
    restarted: float = 0.0
    away: float = 0.0
    returned: float = 0.0
    calm: tuple[float, float] = (0.0, 0.0)
    on_victim: dict[str, int] = field(default_factory=dict)  # sessions by strategy
    copied_at: float | None = None  # after the kill
    recovered_at: float | None = None  # after the store's return
    node_bytes: dict[str, float | None] = field(default_factory=dict)  # for each session, by strategy
    store_bytes: float | None = None
    scrapes: dict[str, Metrics] = field(
        default_factory=dict
    )  # at the end of the act with that name, or the last
    events: list[Event] = field(default_factory=list)


class Play:
    """Plays it once. `tell` hears what begins."""

    def __init__(self, plan: Plan, stage: Stage, loads: list[Load], tell: Tell) -> None:
        self.record = Record()
        self._plan = plan
        self._stage = stage
        self._loads = loads
        self._tell = tell

    async def play(self) -> Record:
        """Raises TooLong, NotAnswered, SomebodyElses."""
        await self._fill()
        self.record.loaded = (monotonic(), inf)
        for load in self._loads:
            load.start()
        try:
            await self._calm()
            await self._node_dies()
            if self._plan.stored:
                await self._store_dies()
        finally:
            self.record.loaded = (self.record.loaded[0], monotonic())
            await asyncio.gather(*(load.stop() for load in self._loads))
        self._tell(REVIEW)
        await asyncio.gather(*(load.once(load.visitors, READ) for load in self._loads))
        await self._scrape("end")
        return self.record

    # Private

    async def _fill(self) -> None:
        """One strategy after the other, so that what the nodes grow by is known of each."""
        for load in self._loads:
            self._tell(filling(load.strategy))
            first = len(load.visitors) // 10  # connections and buffers come with the first ones
            await load.once(load.visitors[:first], WRITE)
            before = await self._stage.node_bytes()
            await load.once(load.visitors[first:], WRITE)
            after = await self._stage.node_bytes()
            known = before is not None and after is not None and first
            grown = (after or 0) - (before or 0)
            sessions = len(load.visitors) - first
            self.record.node_bytes[load.strategy] = grown / sessions if known else None
            if load.strategy == "store" and self._stage.store is not None:
                ids = [token.id for token in load.tokens()]
                self.record.store_bytes = await self._stage.store.bytes_per_session(ids)

    async def _calm(self) -> None:
        await self._scrape("begin")
        began = monotonic()
        await self._act(CALM)
        self.record.calm = (began, monotonic())
        await self._scrape(CALM.name)

    async def _node_dies(self) -> None:
        record, index = self.record, NODES.index(VICTIM)
        record.on_victim = {
            load.strategy: sum(token.node == index for token in load.tokens()) for load in self._loads
        }
        record.killed = monotonic()
        await self._stage.kill_node(VICTIM)
        self._note(f"node {VICTIM} killed")
        async with self._beside(self._watch_copies()):
            await self._act(DEAD, self._all_met_since(record.killed))
        record.restarted = monotonic()
        await self._stage.start_node(VICTIM)
        self._note(f"node {VICTIM} started")
        await self._act(BACK, self._stage.well)
        self._note("all nodes up")

    async def _store_dies(self) -> None:
        record, store = self.record, self._stage.store
        assert store is not None
        record.away = monotonic()
        await store.take_away()
        self._note("store gone")
        await self._until(self._store_is_down, "the store is seen to be down")
        await self._act(AWAY)
        await store.bring_back()
        record.returned = monotonic()
        self._note("store back")
        await self._act(HEALED, self._store_has_all)

    async def _act(self, act: Act, until: Condition | None = None) -> None:
        """Its time, and longer where what it is for has not come about. Raises TooLong."""
        self._tell(act.name)
        end = monotonic() + self._plan.lasting(act)
        if until is not None:
            await self._until(until, act.name)
        while (left := end - monotonic()) > 0:
            self._check()
            await asyncio.sleep(min(left, POLL_SECONDS))

    async def _until(self, condition: Condition, what: str) -> None:
        """Raises TooLong where it does not come about."""
        patience = max(LONGEST, 2 * self._plan.sessions / RATE)  # each user has a turn in half of it
        deadline = monotonic() + patience
        while not await condition():
            self._check()
            if monotonic() > deadline:
                raise TooLong(f"{what}: this is not over after {patience:g} s")
            await asyncio.sleep(POLL_SECONDS)

    def _check(self) -> None:
        for load in self._loads:
            load.check()

    def _all_met_since(self, moment: float) -> Condition:
        async def met() -> bool:
            return all(load.met_since(moment) for load in self._loads)

        return met

    async def _store_is_down(self) -> bool:
        return not (await self._stage.metrics()).total("limpet_store_up")

    async def _store_has_all(self) -> bool:
        """Whether it has every write that users know of by now; what Limpet says of it does not count."""
        store = self._stage.store
        assert store is not None
        tokens = [token for load in self._loads if load.strategy == "store" for token in load.tokens()]
        versions = await store.versions([token.id for token in tokens])
        if not all(held >= token.version for token, held in zip(tokens, versions, strict=True)):
            return False
        self.record.recovered_at = monotonic()
        self._note("store has all")
        return True

    async def _watch_copies(self) -> None:
        """Notes when each session of `replication` has a copy again."""
        if "replication" not in self._plan.strategies:
            return
        while not await self._stage.copied("replication"):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(POLL_SECONDS)
        self.record.copied_at = monotonic()
        self._note("all copies there")

    @asynccontextmanager
    async def _beside(self, watching: Awaitable[None]) -> AsyncIterator[None]:
        task = asyncio.ensure_future(watching)
        try:
            yield
            await asyncio.wait([task], timeout=LONGEST)
        finally:
            if not task.done():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _scrape(self, name: str) -> None:
        self.record.scrapes[name] = await self._stage.metrics()

    def _note(self, what: str) -> None:
        self.record.events.append(Event(round(monotonic() - self.record.loaded[0], 3), what))


@asynccontextmanager
async def audience(plan: Plan, stage: Stage) -> AsyncIterator[list[Load]]:
    """The users of every strategy."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
    ) as http:
        loads = []
        for index, strategy in enumerate(plan.strategies):
            sealer = Sealer([stage.secret.encode()], strategy, NODES)
            numbers = range(index * plan.sessions, (index + 1) * plan.sessions)
            cookie, url = f"limpet_{strategy}", stage.url(strategy)
            visitors = [Visitor(http, url, number, cookie, sealer) for number in numbers]
            loads.append(Load(strategy, visitors, RATE))
        yield loads
