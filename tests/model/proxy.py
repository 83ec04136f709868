"""A proxy of the model: the project's own machines, driven by thin loops over a network that loses things."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any, NamedTuple

from sessions.contract.course import Course, Do, Keep, Step, Terms, Why
from sessions.contract.ending import Ending
from sessions.contract.flights import Flights
from sessions.contract.headers import read_told
from sessions.contract.messages import Action, Answer, Call
from sessions.contract.searching import Found, Rules, Search, Where
from sessions.contract.settling import Settled, Settling
from tests.model.links import PEER_TIMEOUT, Links, Setup
from tests.model.network import KEY, Network, Op, Refused, make_id
from tests.model.store import Store
from tests.model.watch import Level, Watch
from tests.model.wire import TTL

ACK_TIMEOUT = 0.15
RESPONSE_TIMEOUT = 3.0
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


class Proxy:
    """One proxy; shares nothing with the other."""

    def __init__(self, index: int, setup: Setup, network: Network, store: Store, random: Random) -> None:
        self.links = Links(index, setup, network, store, random)
        self.watch = Watch(self.links)
        self.counts: Counter[str] = Counter()
        self.flights: Flights[asyncio.Future[Found | None]] = Flights()
        self.setup = setup
        self.random = random
        tolerated = setup.replicas if setup.replicas and not setup.store else 1
        self.rules = Rules(setup.replicas, setup.store, tolerated)
        self._terms = Terms(KEY.encode(), TTL, 1 << 20)

    async def request(self, token: Token | None, op: Op) -> Response:
        """Serve one request."""
        minted = token is None
        session_id = make_id(self.random) if token is None else token.id
        heir = self.watch.around(session_id).heir
        node = heir if token is None or self.watch.levels[token.node] is not Level.UP else token.node
        if node < 0:
            return Response(503)
        version, unprotected = (0, False) if token is None else (token.version, token.unprotected)
        course = Course(self._terms, session_id, version, unprotected, minted)
        step = course.begin(node, token is None or node == token.node)
        return await Drive(self, course, token, op).run(step)

    async def search(self, course: Course, token: Token | None, look_only: bool = False) -> Found:
        """One round of the search machine; `look_only` ones are nobody else's business."""
        search = Search(
            self.rules,
            self.watch.around(course.session_id),
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
                task = asyncio.ensure_future(self.links.call(session_id, action, PEER_TIMEOUT))
                tasks[task] = action
            if search.pause:
                await asyncio.sleep(search.pause)
                actions = search.start()
                continue
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            actions = []
            for task in done:
                action, answer = tasks.pop(task), task.result()
                search.around = self.watch.around(session_id)
                actions += search.silent(action) if answer is None else search.answered(action, answer)
        return search.found

    async def settle(self, step: Step) -> Settling:
        """The whole driver of a settling."""
        loop = asyncio.get_running_loop()
        settling = Settling(
            step.version,
            self.setup.replicas or 1,
            self.watch.candidates(step.session_id, step.node),
            self.setup.store and self.setup.replicas > 0,
        )
        tasks: dict[asyncio.Task[Answer | None], int] = {}
        targets = settling.start(loop.time(), ACK_TIMEOUT)
        while not settling.verdict:
            for target in targets:
                action = Action(Call.PUT, target, step.version, step.state)
                tasks[asyncio.ensure_future(self.links.call(step.session_id, action, 5.0, step.base))] = (
                    target
                )
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
        ending = Ending(self.setup.replicas, self.watch.holders(session_id, pin), self.setup.store)
        targets = list(ending.start())
        while not ending.verdict:
            target = targets.pop()
            answer = await self.links.call(session_id, Action(Call.END, target), ACK_TIMEOUT)
            targets += ending.silent(target) if answer is None else ending.answered(target, answer)
        return ending.verdict


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
            head = await proxy.links.network.send(
                proxy.links.index,
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
            proxy.rules,
            proxy.watch.around(course.session_id),
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
        heir = self.proxy.watch.around(name).heir
        self.token = None
        return None if heir < 0 else self.course.renamed(name, heir)

    async def _put(self, step: Step) -> Step:
        action = Action(Call.PUT, step.node, step.version, step.state)
        return self.course.put(await self.proxy.links.call(step.session_id, action, PEER_TIMEOUT))

    async def _fetch(self, step: Step) -> Step:
        return self.course.fetched(
            await self.proxy.links.call(step.session_id, Action(Call.GET, step.node), PEER_TIMEOUT)
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
            await proxy.links.call(step.session_id, Action(Call.END, step.node), PEER_TIMEOUT)
        if step.why is Why.CONFLICT and step.version:
            await proxy.links.call(step.session_id, Action(Call.FENCE, step.node, step.version), PEER_TIMEOUT)
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
