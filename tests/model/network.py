"""Nodes that can be killed, frozen and cut off, with the SDK's own core in them, and the links to them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, NamedTuple, TypeVar

from limpet_session.endpoint import Call, Endpoint, Reply
from limpet_session.node import Node, refuse
from limpet_session.rules import Refusal
from limpet_session.running import Hold
from limpet_session.session import Session
from sessions.ids import id_text

T = TypeVar("T")
KEY = "k"
SLOW = 0.03  # of all requests
FENCE_WAIT = 0.3  # seconds for which a fence lets running requests send their heads

Op = Callable[[Session], Awaitable[None] | None]  # what an app does; it may wait for something


class Refused(Exception):
    """Nobody listens there."""


class Head(NamedTuple):
    """A response head, and what the app saw when it answered."""

    status: int
    fields: list[tuple[bytes, bytes]]
    seen: dict[str, Any]


class Machine:
    """One node: its process, which may be dead or frozen, and what it remembers."""

    def __init__(self, index: int, random: Random) -> None:
        self.index = index
        self._random = random
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in order: a seed is a schedule
        self._awake = asyncio.Event()
        self._awake.set()
        self._left = asyncio.Event()  # replaced each time that a request leaves
        self.dead = False
        self.faults: list[BaseException] = []  # of the model's own: no rule that is taken out may cause one
        self.start()

    def start(self) -> None:
        """A new process, which remembers nothing."""
        self.dead = False
        loop = asyncio.get_running_loop()
        self.node = Node([KEY], clock=loop.time, new_id=lambda: make_id(self._random))
        self.endpoint = Endpoint(self.node)

    def kill(self) -> None:
        self.dead = True
        for task in list(self._tasks):
            task.cancel()

    def freeze(self) -> None:
        self._awake.clear()

    def thaw(self) -> None:
        self._awake.set()

    @property
    def frozen(self) -> bool:
        return not self._awake.is_set()

    async def run(self, work: Callable[["Machine"], Coroutine[Any, Any, T]]) -> T:
        """Do something on this node; it goes on when the caller has gone. Raises Refused if it is killed."""
        if self.dead:
            raise Refused
        task = asyncio.get_running_loop().create_task(work(self))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        await asyncio.wait({task})
        if task.cancelled():
            raise Refused
        error = task.exception()
        if error is not None:
            self.faults.append(error)
        return task.result()

    def saved(self, session_id: str) -> int:
        """The version that it has of a session."""
        record = self.node.storage.find(session_id, asyncio.get_running_loop().time())
        return record.version if record is not None else 0

    async def awake(self) -> None:
        await self._awake.wait()

    async def serve(self, fields: dict[bytes, bytes], op: Op, seconds: float) -> Head:
        """What an app does with a request: some work, one change of its session, some work, the head."""
        await self.awake()
        life = self.node.open(fields)
        if isinstance(life, Refusal):
            return Head(409, refuse(life), {})
        if self._random.random() < SLOW:
            seconds *= 30  # longer than a fence waits
        try:
            await asyncio.sleep(seconds * self._random.random())
            await self.awake()
            waiting = op(life.session)
            if waiting is not None:
                await waiting
                await self.awake()
            seen = dict(life.session)
            await asyncio.sleep(seconds * self._random.random())
            await self.awake()
            answer = life.finish()
            return Head(answer.status or 200, answer.headers, seen)
        finally:
            life.leave()
            self._left.set()
            self._left = asyncio.Event()

    async def call(self, call: Call) -> Reply:
        """What the endpoint does with a call."""
        await self.awake()
        plan = self.endpoint.plan(call)
        hold = self.node.running.hold(plan.fences)
        try:
            if not hold.clear():
                await asyncio.wait({asyncio.ensure_future(self._idle(hold))}, timeout=FENCE_WAIT)
                await self.awake()
            return plan.run()
        finally:
            hold.end()

    async def _idle(self, hold: Hold) -> None:
        """Until all requests that a fence waits for are out."""
        while not hold.clear():
            await self._left.wait()


class Network:
    """The links from proxies to nodes."""

    def __init__(self, machines: list[Machine], random: Random) -> None:
        self.machines = machines
        self.cuts: set[tuple[int, int]] = set()  # (proxy, node)
        self._random = random

    async def send(
        self, proxy: int, node: int, seconds: float, work: Callable[[Machine], Coroutine[Any, Any, T]]
    ) -> T | None:
        """Do `work` on a node, and bring its result back; None after so many seconds. Raises Refused."""
        task = asyncio.get_running_loop().create_task(self._carry(proxy, node, work))
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        task.add_done_callback(drop)
        return None

    async def _carry(
        self, proxy: int, node: int, work: Callable[[Machine], Coroutine[Any, Any, T]]
    ) -> T | None:
        await self._latency()
        machine = self.machines[node]
        if (proxy, node) in self.cuts:
            await asyncio.sleep(1e6)
        result = await machine.run(work)
        await self._latency()
        if (proxy, node) in self.cuts:
            await asyncio.sleep(1e6)
        return result

    async def _latency(self) -> None:
        """Mostly short, sometimes long: answers overtake each other."""
        late = self._random.random() < 0.05
        await asyncio.sleep(self._random.random() * (0.08 if late else 0.004))


def drop(task: "asyncio.Future[Any]") -> None:
    """Nobody wants its result any more."""
    if not task.cancelled():
        task.exception()


def make_id(random: Random) -> str:
    """A session id that is the same for the same seed."""
    return id_text(random.randbytes(16))
