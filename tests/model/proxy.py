"""A proxy of the model: the project's own machines, driven by thin loops over a network that loses things."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from enum import IntEnum
from random import Random
from typing import Any, NamedTuple

from routing.ring import Ring
from sessions.contract.course import Course, Do, Keep, Step, Terms, Why
from sessions.contract.ending import Ending
from sessions.contract.flights import Flights
from sessions.contract.headers import read_told
from sessions.contract.homes import Job, Roles, Work
from sessions.contract.messages import STORE, Action, Answer, Call, Kind
from sessions.contract.reconciling import Page, Reconciliation
from sessions.contract.searching import Around, Found, Rules, Search, Where
from sessions.contract.settling import Settled, Settling
from tests.model.network import KEY, Machine, Network, Op, Refused, make_id
from tests.model.store import Store
from tests.model.wire import TTL, to_answer, to_call, to_entries

ACK_TIMEOUT = 0.15
PEER_TIMEOUT = 0.3
RESPONSE_TIMEOUT = 3.0
PROBE_INTERVAL = 0.2
FALL, RISE = 3, 2
APP_SECONDS = 0.02


class Token(NamedTuple):
    id: str
    node: int
    version: int
    unprotected: bool


class Response(NamedTuple):
    """What a client gets: `keep` says what becomes of its token."""

    status: int
    keep: Keep = Keep.NONE
    token: Token | None = None
    seen: dict[str, Any] = {}  # noqa: RUF012
    why: Why | None = None


class Level(IntEnum):
    UP = 0
    DOWN = 1
    SYNCING = 2


class Setup(NamedTuple):
    """What the two proxies of a run have in common."""

    nodes: int
    replicas: int  # 0: strategy `store`
    store: bool
    give_up: float  # seconds


class Proxy:
    """One proxy; shares nothing with the other."""

    def __init__(self, index: int, setup: Setup, network: Network, store: Store, random: Random) -> None:
        self.index = index
        self.setup = setup
        self.network = network
        self.store = store
        self.random = random
        self.counts: Counter[str] = Counter()
        self.levels = [Level.UP] * setup.nodes
        self.since = [0.0] * setup.nodes
        self.store_up = True
        self.passes = 0  # of reconciliation, whole ones
        self.flights: Flights[asyncio.Future[Found | None]] = Flights()
        self._failed = [0] * setup.nodes
        self._passed = [0] * setup.nodes
        self._store_since = 0.0
        self._store_behind = False
        self._ring = Ring({f"n{i}": 1 for i in range(setup.nodes)}, 40)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._rules = Rules(
            setup.replicas, setup.store, setup.replicas if setup.replicas and not setup.store else 1
        )
        self._terms = Terms(KEY.encode(), TTL, 1 << 20)
        for node in range(setup.nodes):
            self.spawn(self._watch(node))
        self.spawn(self._watch_store())
        self.spawn(self._reconcile_always())

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def content(self) -> bool:
        """Whether everybody is up for this proxy."""
        return self.store_up and all(level is Level.UP for level in self.levels)

    # Requests

    async def request(self, token: Token | None, op: Op) -> Response:
        """Serve one request."""
        minted = token is None
        session_id = make_id(self.random) if token is None else token.id
        heir = self.around(session_id).heir
        node = heir if token is None or self.levels[token.node] is not Level.UP else token.node
        if node < 0:
            return Response(503)
        version, unprotected = (0, False) if token is None else (token.version, token.unprotected)
        course = Course(self._terms, session_id, version, unprotected, minted)
        step = course.begin(node, token is None or node == token.node)
        return await Drive(self, course, token, op).run(step)

    def around(self, session_id: str, tried: frozenset[int] = frozenset()) -> Around:
        """What the proxy knows of a session's holders."""
        now = asyncio.get_running_loop().time()
        order = tuple(self._ring.order(session_id))
        ready = frozenset(i for i in order if self.levels[i] is Level.UP) - tried
        up = {i for i in order if self.levels[i] is not Level.DOWN}
        away = {i for i in order if i not in up and now - self.since[i] >= self.setup.give_up}
        if self.setup.store and self.store_up:
            up.add(STORE)
        elif self.setup.store and now - self._store_since >= self.setup.give_up:
            away.add(STORE)
        heir = next((i for i in order if i in ready), -1)
        return Around(order, frozenset(up), ready, frozenset(away), heir)

    def candidates(self, session_id: str, pin: int) -> Iterator[int]:
        """Who may hold copies, first in order first."""
        if not self.setup.replicas:
            return iter((STORE,))
        return self._holders(session_id, pin)

    def _holders(self, session_id: str, pin: int) -> Iterator[int]:
        """A node that is syncing takes no pins, but a copy does not need to know what it missed."""
        return (i for i in self._ring.order(session_id) if self.levels[i] is not Level.DOWN and i != pin)

    async def call(self, session_id: str, action: Action, seconds: float, base: int = -1) -> Answer | None:
        """One call to a node or the store; None for silence."""
        if action.target == STORE:
            await asyncio.sleep(self.random.random() * 0.004)
            if self.store.down:
                await asyncio.sleep(seconds)
                return None
            answer = self.store.run(session_id, action, base)
            await asyncio.sleep(self.random.random() * 0.004)
            return answer
        try:
            call = to_call(session_id, action)
            reply = await self.network.send(
                self.index, action.target, seconds, lambda machine: machine.call(call)
            )
        except Refused:
            return None
        return None if reply is None else to_answer(action, reply)

    async def search(self, course: Course, token: Token | None, look_only: bool = False) -> Found:
        """One round of the search machine; `look_only` ones are nobody else's business."""
        search = Search(
            self._rules,
            self.around(course.session_id),
            token.node if token else -1,
            token.version if token else 0,
            lambda: self.random.randrange(4096),
            look_only,
            course.mark,
        )
        return await self.run_search(course.session_id, search)

    async def run_search(self, session_id: str, search: Search) -> Found:
        """The whole driver of a search."""
        tasks: dict[asyncio.Task[Answer | None], Action] = {}
        actions = search.start()
        while search.found is None:
            for action in actions:
                task = asyncio.ensure_future(self.call(session_id, action, PEER_TIMEOUT))
                tasks[task] = action
            if search.pause:
                await asyncio.sleep(search.pause)
                actions = search.start()
                continue
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            actions = []
            for task in done:
                action, answer = tasks.pop(task), task.result()
                search.around = self.around(session_id)
                actions += search.silent(action) if answer is None else search.answered(action, answer)
        return search.found

    async def settle(self, step: Step) -> Settling:
        """The whole driver of a settling."""
        loop = asyncio.get_running_loop()
        settling = Settling(
            step.version,
            self.setup.replicas or 1,
            self.candidates(step.session_id, step.node),
            self.setup.store and self.setup.replicas > 0,
        )
        tasks: dict[asyncio.Task[Answer | None], int] = {}
        targets = settling.start(loop.time(), ACK_TIMEOUT)
        while not settling.verdict:
            for target in targets:
                action = Action(Call.PUT, target, step.version, step.state)
                tasks[asyncio.ensure_future(self.call(step.session_id, action, 5.0, step.base))] = target
            left = max(0.0, settling.deadline - loop.time())
            done, _ = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            targets = []
            for task in done:
                target, answer = tasks.pop(task), task.result()
                targets += settling.silent(target) if answer is None else settling.answered(target, answer)
            targets += settling.tick(loop.time(), ACK_TIMEOUT)
        self.counts[settling.verdict.name.lower()] += 1
        return settling

    async def end(self, session_id: str, pin: int) -> Settled:
        """The whole driver of an ending."""
        ending = Ending(self.setup.replicas, self._holders(session_id, pin), self.setup.store)
        targets = list(ending.start())
        while not ending.verdict:
            target = targets.pop()
            answer = await self.call(session_id, Action(Call.END, target), ACK_TIMEOUT)
            targets += ending.silent(target) if answer is None else ending.answered(target, answer)
        return ending.verdict

    # Health

    async def _watch(self, node: int) -> None:
        await asyncio.sleep(self.random.random() * PROBE_INTERVAL)
        while True:
            try:
                answer = await self.network.send(self.index, node, PROBE_INTERVAL, _alive)
            except Refused:
                answer = None
            self._probed(node, answer is not None)
            await asyncio.sleep(PROBE_INTERVAL)

    def _probed(self, node: int, passed: bool) -> None:
        self._failed[node] = 0 if passed else self._failed[node] + 1
        self._passed[node] = self._passed[node] + 1 if passed else 0
        level = self.levels[node]
        if level is not Level.DOWN and self._failed[node] >= FALL:
            self._set(node, Level.DOWN)
        elif level is Level.DOWN and self._passed[node] >= RISE:
            self._set(node, Level.SYNCING)

    def _set(self, node: int, level: Level) -> None:
        self.levels[node] = level
        self.since[node] = asyncio.get_running_loop().time()

    async def _watch_store(self) -> None:
        while True:
            up = not self.store.down
            if up != self.store_up:
                self.store_up = up
                self._store_behind = True
                self._store_since = asyncio.get_running_loop().time()
            await asyncio.sleep(PROBE_INTERVAL)

    # Reconciling

    async def _reconcile_always(self) -> None:
        while True:
            await asyncio.sleep(0.3 + self.random.random() * 0.4)
            await self._reconcile()

    async def _reconcile(self) -> None:
        levels, since = list(self.levels), list(self.since)
        listed = frozenset(i for i, level in enumerate(levels) if level is not Level.DOWN)
        ready = frozenset(i for i, level in enumerate(levels) if level is Level.UP)
        behind, self._store_behind = self._store_behind and self.store_up, False
        roles = Roles(listed, ready, listed - ready, frozenset(), self.setup.replicas, behind)
        work = Reconciliation(roles, self._ring.order)
        pages = work.start()
        while pages:
            page = pages.pop()
            entries = await self._page(page)
            pages += (
                work.silent(page.node) if entries is None else work.listed(page.node, entries, not entries)
            )
        while jobs := work.take(16):
            for job in jobs:
                work.finished(job, await self._do(job))
        for node in work.in_step:
            if self.levels[node] is Level.SYNCING and self.since[node] == since[node]:
                self._set(node, Level.UP)
        if behind and not (work.whole and self.store_up):
            self._store_behind = True
        self.passes += work.whole and self.store_up

    async def _page(self, page: Page) -> list[Any] | None:
        from limpet_session.endpoint import Call as EndpointCall

        call = EndpointCall("GET", "/", f"after={page.after}".encode() if page.after else b"", {}, b"")
        try:
            reply = await self.network.send(self.index, page.node, PEER_TIMEOUT, lambda m: m.call(call))
        except Refused:
            return None
        return None if reply is None else to_entries(reply)

    async def _do(self, job: Job) -> bool:
        """One job; False where somebody was silent."""
        name = job.session_id
        if job.work is Work.END:
            return await self.call(name, Action(Call.END, job.node), PEER_TIMEOUT) is not None
        if job.work is Work.STOP:
            return await self.call(name, Action(Call.FENCE, job.node, job.number), PEER_TIMEOUT) is not None
        if job.work is Work.CHECK:
            return await self._check(job)
        found = await self.call(name, Action(Call.GET, job.source), PEER_TIMEOUT)
        if found is None or found.kind is not Kind.HELD:
            if found is not None and found.kind is Kind.ENDED:
                return await self.call(name, Action(Call.END, job.node), PEER_TIMEOUT) is not None
            return found is not None
        action = Action(Call.PUT, job.node, found.version, found.state)
        return await self.call(name, action, PEER_TIMEOUT) is not None

    async def _check(self, job: Job) -> bool:
        """Whether the store and the node that serves agree."""
        name, node = job.session_id, job.node
        stored = await self.call(name, Action(Call.GET, STORE), PEER_TIMEOUT)
        if stored is None or stored.version == job.number:
            return stored is not None
        if stored.kind is Kind.ENDED:
            return await self.call(name, Action(Call.END, node), PEER_TIMEOUT) is not None
        if stored.version > job.number:
            return await self.call(name, Action(Call.FENCE, node, stored.version), PEER_TIMEOUT) is not None
        held = await self.call(name, Action(Call.GET, node), PEER_TIMEOUT)
        if held is None or held.kind is not Kind.HELD:
            return held is not None
        put = Action(Call.PUT, STORE, held.version, held.state)
        return await self.call(name, put, PEER_TIMEOUT) is not None


class Drive:
    """One exchange on its course."""

    def __init__(self, proxy: Proxy, course: Course, token: Token | None, op: Op) -> None:
        self.proxy = proxy
        self.course = course
        self.token = token
        self.op = op
        self.seen: dict[str, Any] = {}
        self.leads = ""  # the session of which this exchange carries the takeover
        self.tried: frozenset[int] = frozenset()

    async def run(self, step: Step) -> Response:
        """Do what each step says."""
        try:
            while True:
                do = step.do
                if do is Do.RELEASE:
                    token = Token(step.session_id, step.node, step.version, step.unprotected)
                    return Response(200, step.keep, token, self.seen)
                if do is Do.REFUSE:
                    return await self._refuse(step)
                following = await _STEPS[do](self, step)
                if following is None:
                    return Response(504)
                step = following
        finally:
            self._arrived(False)

    async def _send(self, step: Step) -> Step | None:
        course, proxy = self.course, self.proxy
        fields = dict(_lines(course.fields()))
        try:
            head = await proxy.network.send(
                proxy.index,
                step.node,
                RESPONSE_TIMEOUT,
                lambda machine: machine.serve(fields, self.op, APP_SECONDS),
            )
        except Refused:
            return None
        if head is None:
            return None
        self.seen = head.seen
        told = read_told(head.fields)
        self._arrived(head.status != 409)
        return course.told(head.status, told)

    async def _search(self, step: Step) -> Step:
        course, proxy = self.course, self.proxy
        self._arrived(False)
        while True:
            future: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
            expected = self.token.version if self.token else 0
            search = proxy.flights.join(course.session_id, expected, future, self._new_search)
            if search is None:
                found = await future
            else:
                self.leads = course.session_id
                found = await proxy.run_search(course.session_id, search)
                waiters = proxy.flights.searched(course.session_id, found)
                if found.handover.number == 0:
                    self.leads = ""
                for waiter in waiters:
                    waiter.set_result(found)
            if found is not None:
                proxy.counts[found.where.name.lower()] += 1
                return course.found(found)

    def _new_search(self) -> Search:
        proxy, course, token = self.proxy, self.course, self.token
        return Search(
            proxy._rules,
            proxy.around(course.session_id),
            token.node if token else -1,
            token.version if token else 0,
            lambda: proxy.random.randrange(4096),
            above=course.mark,
        )

    def _arrived(self, ok: bool) -> None:
        if not self.leads:
            return
        waiters = self.proxy.flights.arrived(self.leads)
        found = Found(Where.SERVED, self.course.node) if ok else None
        self.leads = ""
        for waiter in waiters:
            waiter.set_result(found)

    async def _rename(self, step: Step) -> Step | None:
        name = make_id(self.proxy.random)
        heir = self.proxy.around(name).heir
        self.token = None
        return None if heir < 0 else self.course.renamed(name, heir)

    async def _put(self, step: Step) -> Step:
        action = Action(Call.PUT, step.node, step.version, step.state)
        return self.course.put(await self.proxy.call(step.session_id, action, PEER_TIMEOUT))

    async def _fetch(self, step: Step) -> Step:
        return self.course.fetched(
            await self.proxy.call(step.session_id, Action(Call.GET, step.node), PEER_TIMEOUT)
        )

    async def _settle(self, step: Step) -> Step:
        settling = await self.proxy.settle(step)
        return self.course.settled(settling.verdict, settling.winner)

    async def _end(self, step: Step) -> Step:
        verdict = await self.proxy.end(step.session_id, step.node)
        self.proxy.counts[f"end_{verdict.name.lower()}"] += 1
        return self.course.marked()

    async def _refuse(self, step: Step) -> Response:
        proxy = self.proxy
        proxy.counts[f"refused_{step.why.name.lower()}"] += 1
        if step.why is Why.OVER:
            await proxy.call(step.session_id, Action(Call.END, step.node), PEER_TIMEOUT)
        if step.why is Why.CONFLICT and step.version:
            await proxy.call(step.session_id, Action(Call.FENCE, step.node, step.version), PEER_TIMEOUT)
        if step.why is Why.CONFLICT and self.token is not None:
            found = await proxy.search(self.course, self.token, look_only=True)
            if found.where is Where.SERVED:
                return Response(step.status, Keep.TOKEN, self.token._replace(node=found.node), why=step.why)
        return Response(step.status, why=step.why)


_Doer = Callable[[Drive, Step], Coroutine[Any, Any, Step | None]]
_STEPS: dict[Do, _Doer] = {
    Do.SEND: Drive._send,
    Do.SEARCH: Drive._search,
    Do.RENAME: Drive._rename,
    Do.PUT: Drive._put,
    Do.FETCH: Drive._fetch,
    Do.SETTLE: Drive._settle,
    Do.END: Drive._end,
}


def _lines(section: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in section.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        yield name.lower(), value


async def _alive(machine: Machine) -> bool:
    await machine.awake()
    return True
