"""A proxy of the model: the project's keeper and machines, over a network that loses things."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, NamedTuple

from sessions.contract.course import Do, Keep, Step, Terms, Why
from sessions.contract.headers import read_told
from sessions.contract.messages import Action, Answer
from sessions.contract.searching import Around, Where
from sessions.contract.settling import Settled
from sessions.keeper import Keeper
from sessions.keeping.kept import KeptCourse
from sessions.keeping.options import KeepingOptions
from sessions.keeping.runs import SettleRun
from sessions.keeping.targets import Targets
from tests.model.links import PEER_TIMEOUT, Links, Setup
from tests.model.network import KEY, Head, Network, Op, Refused, drop, make_id
from tests.model.store import Store
from tests.model.watch import Watch
from tests.model.wire import TTL

ACK_TIMEOUT = 0.15
LATEST_ACK = 2.0
RESPONSE_TIMEOUT = 3.0
APP_SECONDS = 0.02
MOST_MOVES = 2  # of one request
TERMS = Terms(KEY.encode(), TTL, 1 << 20)


class Token(NamedTuple):
    """What a client's cookie says."""

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


class Way:
    """To any target of the keeper's: the action says to which."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        return await self._links.call(session_id, action, LATEST_ACK, base, writer)

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        """Nothing is forgotten within a run."""


class Proxy:
    """One proxy; shares nothing with the other."""

    def __init__(self, index: int, setup: Setup, network: Network, store: Store, random: Random) -> None:
        self.links = Links(index, setup, network, store, random)
        self.watch = Watch(self.links)
        self.random = random
        way, names = Way(self.links), [f"n{node}" for node in range(setup.nodes)]
        options = KeepingOptions(
            TERMS._replace(sticky=setup.sticky, overwrite=setup.overwrite),
            setup.nodes,
            setup.replicas,
            setup.store,
            ACK_TIMEOUT,
            setup.max_lag,
            call_timeout=PEER_TIMEOUT,
        )
        self.keeper = NotingKeeper(
            options,
            Targets([way] * setup.nodes, names, way, TTL),
            self._around,
            lambda: random.randrange(4096),
        )
        self._refused: Counter[str] = Counter()
        self._requests: set[asyncio.Task[Response]] = set()

    def kill(self) -> None:
        """Whoever waits for an answer of it gets none."""
        self.links.cut()
        self.keeper.close()
        for task in self._requests:
            task.cancel()

    async def request(self, token: Token | None, op: Op, repeatable: bool = False) -> Response:
        """Serve one request. `repeatable`: it may be sent again where nobody knows whether it was done."""
        if not self.links.setup.mortal:
            return await self._serve(token, op, repeatable)
        task = asyncio.get_running_loop().create_task(self._serve(token, op, repeatable))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        await asyncio.wait({task})
        return Response(502) if task.cancelled() else task.result()

    async def _serve(self, token: Token | None, op: Op, repeatable: bool) -> Response:
        session_id = make_id(self.random) if token is None else token.id
        node = self._decide(token, self.watch.around(session_id))
        if node < 0:
            return Response(503)
        course = self._course(token, session_id)
        sticky = self.links.setup.sticky
        step = course.begin(node, token is None or (sticky and node == token.node))
        try:
            return await Exchange(self, course, op, repeatable).run(step)
        finally:
            self.keeper.arrived(course, False)

    def count(self, response: Response) -> Response:
        """What was refused, and why."""
        if response.why is not None:
            self._refused[f"refused {response.why.name.lower()}"] += 1
        return response

    @property
    def counts(self) -> Counter[str]:
        """Everything that is counted, by name."""
        counters = self.keeper.counters
        counts = self._refused.copy()
        counts["late"] = self.keeper.late
        counts.update({where.name.lower(): counters.searches[where] for where in Where})
        counts.update({verdict.name.lower(): counters.writes[verdict] for verdict in Settled})
        counts.update({f"end {verdict.name.lower()}": counters.ends[verdict] for verdict in Settled})
        return counts

    def _course(self, token: Token | None, session_id: str) -> KeptCourse:
        if token is None:
            return self.keeper.course(0, False, session_id, True)
        return self.keeper.course(token.version, token.unprotected, session_id, False, token.node)

    def _decide(self, token: Token | None, around: Around) -> int:
        """The router's choice."""
        if not self.links.setup.sticky:
            return self.random.choice(sorted(around.ready) or [-1])
        return around.heir if token is None or token.node not in around.ready else token.node

    def _around(self, session_id: str, choice: int) -> Around:
        around = self.watch.around(session_id)
        return around._replace(heir=choice) if choice in around.ready else around


class NotingKeeper(Keeper):
    """Remembers of which sessions a write was not settled: `ack: async` has answered it by then."""

    unsettled: frozenset[str] = frozenset()
    late = 0  # writes that lagged for longer than they may

    def _settled(self, run: SettleRun, verdict: Settled, winner: int) -> None:
        lagging = run.errand is None
        self.late += lagging and asyncio.get_running_loop().time() - run.began > self.options.max_lag
        if verdict is not Settled.SETTLED:
            self.unsettled |= {run.step.session_id}
        super()._settled(run, verdict, winner)


class Exchange:
    """One request on its course."""

    def __init__(self, proxy: Proxy, course: KeptCourse, op: Op, repeatable: bool) -> None:
        self.proxy = proxy
        self.course = course
        self.op = op
        self._repeatable = repeatable
        self._tried: frozenset[int] = frozenset()
        self._seen: dict[str, Any] = {}

    async def run(self, step: Step) -> Response:
        """Do what each step says; the slow ones are the keeper's."""
        performed = False
        while True:
            if step.do is Do.SEND:
                following = await self._send(step)
            elif step.do is Do.RENAME:
                following = self._rename()
            elif step.do is Do.RELEASE:
                return Response(200, step.keep, _token(step), self._seen)
            elif performed and step.do is Do.REFUSE:
                following = self._again(step)
                if following is None:
                    token = None if step.keep is Keep.NONE else _token(step)
                    return self.proxy.count(Response(step.status, step.keep, token, why=step.why))
            else:
                following, performed = await self._perform(step), True
            if following is None:
                return Response(504)
            step = following

    async def _send(self, step: Step) -> Step | None:
        course = self.course
        lines = [line.split(b": ", 1) for line in course.fields().split(b"\r\n")[:-1]]
        fields = {name.lower(): value for name, value in lines}
        try:
            head = await self._ask(step.node, fields)
        except Refused:
            return self._move(step.node)
        if head is None:
            return None
        self._seen = head.seen
        following = course.told(head.status, read_told(head.fields))
        self.proxy.keeper.arrived(course, head.status != 409)
        return following

    async def _ask(self, node: int, fields: dict[bytes, bytes]) -> Head | None:
        """The node's answer; None where it takes too long. Raises Refused where there will be none."""
        links = self.proxy.links
        sending = asyncio.ensure_future(
            links.network.send(
                links.index,
                node,
                RESPONSE_TIMEOUT,
                lambda machine: machine.serve(fields, self.op, APP_SECONDS),
            )
        )
        down = asyncio.ensure_future(self.proxy.watch.down(node))
        await asyncio.wait((sending, down), return_when=asyncio.FIRST_COMPLETED)
        down.cancel()
        if sending.done():
            return sending.result()
        sending.add_done_callback(drop)
        raise Refused

    def _move(self, node: int) -> Step | None:
        """The request has failed there without an answer: to another node, if it may be repeated."""
        course, proxy = self.course, self.proxy
        proxy.keeper.arrived(course, False)
        self._tried |= {node}
        heir = proxy.watch.around(course.session_id, self._tried).heir
        if heir < 0 or not self._repeatable or len(self._tried) > MOST_MOVES:
            return None
        name = course.session_id if course.expected else make_id(proxy.random)
        return course.moved(name, heir)

    def _again(self, step: Step) -> Step | None:
        """What becomes of a refused request that may be repeated."""
        if step.why is Why.STATE_MISSING:
            return self._move(step.node)
        over = step.why is Why.OVER or step.keep is Keep.DELETE
        moved = step.why is Why.CONFLICT and self.course.sticky
        if not (over or moved) or not self.course.may_send or not self._repeatable:
            return None
        self.proxy.keeper.arrived(self.course, False)
        if over:
            return self.course.over()
        return self.course.moved(self.course.session_id, step.node)

    def _rename(self) -> Step | None:
        name = make_id(self.proxy.random)
        heir = self.proxy.watch.around(name).heir
        return None if heir < 0 else self.course.renamed(name, heir)

    async def _perform(self, step: Step) -> Step:
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self.proxy.keeper.perform(self.course, step, done.set_result)
        return await done


def _token(step: Step) -> Token:
    return Token(step.session_id, step.node, step.version, step.unprotected)
