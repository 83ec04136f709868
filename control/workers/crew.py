"""Leads the workers: starts them, replaces them, tells them what to go by, and adds up what they count."""

import asyncio
import logging
import pickle
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import reduce
from itertools import chain, count

from config.addresses import Address
from control.blueprint import Blueprint
from control.events import note
from control.runtime import Runtime
from control.sites import ClientSite
from control.staff import WorkerFacts
from control.traces import Counts
from control.workers.backoff import Backoff
from control.workers.board import Board
from control.workers.doors import SharedSite
from control.workers.member import Member, cause, environment
from control.workers.messages import (
    Count,
    Cut,
    FromControl,
    FromWorker,
    Hello,
    Leaving,
    Logged,
    Lost,
    Met,
    Moved,
    Plan,
    Reopen,
    Sketch,
    Sockets,
    StandBack,
    StandIn,
    States,
    Stop,
    Taken,
    Unprotected,
)
from control.workers.report import Report, added, take, without_gauges
from control.workers.seats import ControlSeat
from proxy.front import Door
from sessions.keeping.counters import Unprotected as Known

logger = logging.getLogger("limpet.workers")

FOLLOW_SECONDS = 30.0  # for all to go by new settings; who takes longer does so later
COUNT_SECONDS = 1.0  # for all to say what they have counted; who says nothing counts as it last said
END_SECONDS = 10.0  # for those whose clients have gone to end: what they wrote gets its copies
PING_SECONDS = 0.5
NOTHING = Report({}, {}, {}, {})


class WorkerError(Exception):
    """They cannot be started; the message says why."""


class Crew:
    """All workers. `lead` has to be called before anything else but `make_site` and `changed`."""

    def __init__(self, board: Board) -> None:
        self.seat = ControlSeat(board, self._changed, self._tell)
        self._board = board
        self._sites: dict[Address, SharedSite] = {}
        self._members: dict[int, Member] = {}
        self._backoffs = [Backoff() for _ in range(board.workers)]
        self._replaced = [0] * board.workers  # by worker: how many have ended
        self._env = environment(secrets.randbelow(2**32))
        self._numbers = count(1)
        self._plan = 0
        self._sketched: tuple[Blueprint, bytes] | None = None
        self._ended = NOTHING  # what those counted that are no more
        self._down: dict[str, set[int]] = {}  # what is to be told at the next turn of the loop, by service
        self._started = False
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    def lead(self, runtime: Runtime, spans: Counts) -> None:
        """For this one; `spans`: what is to show those that all have sent."""
        self._runtime = runtime
        self._spans = spans
        runtime.engine.tallies = [self._board.tally(worker) for worker in range(self._board.workers)]

    def make_site(self, address: Address, door: Door, sockets: Sequence[socket.socket]) -> ClientSite:
        """Where workers accept clients, once they are told to."""
        site = self._sites[address] = SharedSite(address, door, self._board.workers, sockets)
        return site

    # The staff

    @property
    def clients(self) -> int:
        return sum(tally[0] for tally in self._runtime.engine.tallies)

    @property
    def pids(self) -> list[int]:
        return [member.pid for member in self._alive()]

    @property
    def serving(self) -> int:
        """How many workers there are that accept clients."""
        return sum(member.serving for member in self._members.values())

    @property
    def restarts(self) -> int:
        return sum(self._replaced)

    def facts(self) -> list[WorkerFacts]:
        return [self._fact(worker, self._members.get(worker)) for worker in range(self._board.workers)]

    async def start(self) -> None:
        """Raises WorkerError where one ends before it serves."""
        self._plan = next(self._numbers)
        for worker in range(self._board.workers):
            await self._begin(worker)
        await self._all(lambda member: member.serving, FOLLOW_SECONDS)
        for worker, member in self._members.items():
            if not member.serving:
                why = cause(member.code)
                self.cut()
                raise WorkerError(f"worker {worker + 1} does not serve: {why}; the log may say more")
        self._started = True
        self._spawn(self._tend())

    async def follow(self) -> None:
        sketch = await self._sketch()
        self._plan = number = next(self._numbers)
        pickled = self._pickled_plan(sketch)
        for member in self._alive():
            self._hand_sockets(member)
            member.send_pickled(pickled)
        await self._all(lambda member: member.leaving or member.plan >= number, FOLLOW_SECONDS)

    async def refresh(self) -> None:
        number = next(self._numbers)
        self._tell(Count(number))
        await self._all(lambda member: not member.plan or member.counted >= number, COUNT_SECONDS)
        said = [member.report for member in self._alive() if member.report is not None]
        take(reduce(added, said, self._ended), self._runtime.engine, self._runtime.keeping, self._spans)

    def reopen(self) -> None:
        self._tell(Reopen())

    def stop(self, aside: bool) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        engine = self._runtime.engine
        engine.step_aside() if aside else engine.stop()
        self._tell(Stop(aside))

    def cut(self) -> None:
        self._stopping = True
        self._tell(Cut())

    async def end(self) -> None:
        self.stop(aside=False)
        await self._all(lambda member: False, END_SECONDS)
        for member in self._alive():
            logger.error("worker %d (process %d) does not end: it is killed", member.number + 1, member.pid)
            member.kill()
        await self._all(lambda member: False, END_SECONDS)

    # Called by members

    def _said(self, member: Member, message: FromWorker) -> None:
        runtime = self._runtime
        match message:
            case Taken():
                self._came(member)
            case Leaving():
                self._goes(member)
            case Met(service, what, node, why):
                watch = runtime.cluster.watches.get(service)
                if watch is not None:
                    getattr(watch, what)(*([node] if why is None else [node, why]))
                    self._changed(service, -1)
            case Lost(name, session_id, pin):
                losing = runtime.engine.services.get(name)
                if losing is not None and losing.lost.first(session_id, pin):
                    losing.counters.lost += 1
            case Unprotected(name, session_id, version, until):
                if (kept := runtime.keeping.services.get(name)) is not None:
                    known = kept.keeper.counters.unprotected
                    known.pop(session_id, None)
                    if until:
                        known[session_id] = Known(version, until)
            case Logged(name, level, text):
                note(name, level, f"worker {member.number + 1}: {text}")
            case Moved(name, move):
                kept = runtime.keeping.services.get(name)
                if kept is not None:
                    kept.failovers.moved(move)

    def _came(self, member: Member) -> None:
        """It goes by a plan, maybe its first."""
        if member.known:
            return
        member.known = True
        logger.info("worker %d (process %d) serves", member.number + 1, member.pid)
        self._tell(StandBack(member.number))
        self._have_stood_in()

    def _goes(self, member: Member) -> None:
        """It was told to end, by a signal of its own."""
        member.leaving = True
        if not self._stopping:
            logger.info("worker %d (process %d) is told to end, by others", member.number + 1, member.pid)
            self._have_stood_in()

    def _over(self, member: Member) -> None:
        """Its process is no more."""
        self._board.wipe(member.number)
        if member.report is not None:
            self._ended = added(self._ended, without_gauges(member.report))
        if self._stopping or not self._started:
            return
        lived = asyncio.get_running_loop().time() - member.began
        wait = self._backoffs[member.number].wait(lived)
        logger.error(
            "worker %d (process %d) has ended after %.0f s: %s; another is started in %g s",
            member.number + 1,
            member.pid,
            lived,
            cause(member.code),
            wait,
        )
        self._replaced[member.number] += 1
        self._have_stood_in()
        self._spawn(self._replace(member.number, wait))

    def _changed(self, service: str, node: int) -> None:
        """A node's state has, or what is known of it; `node`: one that is down now, or -1."""
        if not self._down:
            asyncio.get_running_loop().call_soon(self._spread)
        down = self._down.setdefault(service, set())
        if node >= 0:
            down.add(node)

    # Private

    def _fact(self, worker: int, member: Member | None) -> WorkerFacts:
        runs = member is not None and not member.over.is_set()
        spans = self.seat.spans.values()
        return {
            "worker": worker + 1,
            "state": member.word if member is not None else "ended",
            "pid": member.pid if member and runs else None,
            "since": round(time.time() - time.monotonic() + member.began, 3) if member and runs else None,
            "restarts": self._replaced[worker],
            "connections": self._board.tally(worker)[0],
            "inflight": sum(sum(self._board.inflight(worker, span)) for span in spans),
        }

    def _spread(self) -> None:
        changed, self._down = self._down, {}
        for service, down in changed.items():
            watch = self._runtime.cluster.watches.get(service)
            if watch is not None:
                self._tell(States(service, watch.health.standings(), tuple(down)))

    def _alive(self) -> list[Member]:
        return [member for member in self._members.values() if not member.over.is_set()]

    def _tell(self, message: FromControl) -> None:
        pickled = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        for member in self._alive():
            member.send_pickled(pickled)

    async def _all(self, done: Callable[[Member], bool], seconds: float) -> None:
        """Wait until each has done something, or has ended; not for longer than this."""
        waiting = [_until(member, done) for member in self._alive()]
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*waiting)
        except TimeoutError:
            return

    async def _begin(self, worker: int) -> None:
        """Start one. Raises OSError."""
        member = Member(worker, self._said, self._over)
        await member.start(self._env)
        sketch = await self._sketch()  # nothing may come between this and the plan
        self._members[worker] = member
        member.send(Hello(worker, self._board.workers), [self._board.descriptor])
        self._hand_sockets(member)
        member.send_pickled(self._pickled_plan(sketch))

    async def _replace(self, worker: int, wait: float) -> None:
        await asyncio.sleep(wait)
        while True:
            try:
                return await self._begin(worker)
            except OSError as error:
                logger.error("worker %d cannot be started: %s", worker + 1, error)
                await asyncio.sleep(self._backoffs[worker].wait(0.0))

    def _hand_sockets(self, member: Member) -> None:
        """Those that it does not have yet."""
        self._sites = {at: site for at, site in self._sites.items() if site.descriptors}
        keys = {f"clients {at}": site for at, site in self._sites.items()}
        for key in keys.keys() - member.sockets:
            member.send(Sockets(key), keys[key].dealt_to(member.number))
        member.sockets = set(keys)

    def _have_stood_in(self) -> None:
        """What comes to workers that end, or have, is accepted by another, until their successors serve."""
        serving = next((member for member in self._alive() if member.serving), None)
        if serving is None:
            return
        own = {each for site in self._sites.values() for each in site.dealt_to(serving.number)}
        for worker, member in self._members.items():
            if member.leaving or member.over.is_set():
                dealt = {at: site.dealt_to(worker) for at, site in self._sites.items()}
                others = {at: group for at, group in dealt.items() if not own.intersection(group)}
                counts = tuple((at, len(group)) for at, group in others.items())
                if counts:
                    serving.send(StandIn(worker, counts), list(chain(*others.values())))

    async def _sketch(self) -> bytes:
        """Of what is gone by now: a thread pickles it, and only once for all."""
        while self._sketched is None or self._sketched[0] is not self._runtime.blueprint:
            it = self._runtime.blueprint
            assert it is not None, "it runs"
            sketch = Sketch(it.settings, it.secrets, it.slots, it.placed, it.error_pages)
            self._sketched = it, await asyncio.to_thread(pickle.dumps, sketch, pickle.HIGHEST_PROTOCOL)
        return self._sketched[1]

    def _pickled_plan(self, sketch: bytes) -> bytes:
        standings = {name: each.health.standings() for name, each in self._runtime.cluster.watches.items()}
        return pickle.dumps(Plan(self._plan, sketch, self.seat.spans, standings), pickle.HIGHEST_PROTOCOL)

    async def _tend(self) -> None:
        """For ever: one that hangs is ended, and replaced like any that has ended."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            for member in self._alive():
                if not member.ping():
                    logger.error("worker %d (process %d) hangs: it is killed", member.number + 1, member.pid)
                    member.kill()

    def _spawn(self, what: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _until(member: Member, done: Callable[[Member], bool]) -> None:
    while not member.over.is_set() and not done(member):
        await member.taken.wait()
