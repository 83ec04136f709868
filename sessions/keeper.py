"""Keeps the sessions of one service: does the slow steps of its exchanges' courses."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from math import inf
from typing import Protocol

from sessions.contract.course import Step
from sessions.contract.ending import Ending
from sessions.contract.messages import STORE
from sessions.contract.searching import NO_HEIR, Around
from sessions.contract.settling import Settled, Settling
from sessions.keeping.alarm import Alarm
from sessions.keeping.counters import KeepingCounters
from sessions.keeping.errand import Errand
from sessions.keeping.kept import KeptCourse
from sessions.keeping.options import ALL, KeepingOptions
from sessions.keeping.runs import EndRun, SettleRun, copy_holders
from sessions.keeping.takeovers import Move, Takeovers
from sessions.keeping.targets import Targets

logger = logging.getLogger("limpet.keeping")

_MOST_TOUCHES = 10_000  # under way; what is beyond is left to reconciling
_OF_MAX_LAG = 0.9  # the time in which to settle what was released: the rest is for timers that are late
_HOLDERS_TRIED = 3  # in that time: the first, the next in order, the fallback
_QUIET_SECONDS = 10.0  # between two lines in the log


class Presence(Protocol):
    """Requests of sessions that nodes work on, for all processes that serve a service."""

    def came(self, session_id: str, node: int) -> None: ...

    def left(self, session_id: str, node: int) -> None: ...

    def busy(self, session_id: str, node: int) -> bool: ...


class Keeper:
    """One service's. `around(session_id, choice)`: what is known of the nodes at this moment.

    `choice` is the router's for the exchange that asks, -1 for none: the heir, where it may take requests;
    otherwise that is the first node in the session id's ring order that may. NO_HEIR: none is asked for.
    `draw`: a random integer below 4096.
    """

    def __init__(
        self,
        options: KeepingOptions,
        targets: Targets,
        around: Callable[[str, int], Around],
        draw: Callable[[], int] = lambda: secrets.randbelow(4096),
    ) -> None:
        self.options = options
        self.around = around
        self.counters = KeepingCounters()
        self.targets = targets
        self.takeovers = Takeovers(
            options.rules,
            targets,
            lambda session_id, choice: self.around(session_id, choice),
            self.counters,
            draw,
            options.call_timeout,
            options.most_searches,
        )
        self._alarm = Alarm()  # of all writes on their way to their copies
        self._lagging: dict[SettleRun, None] = {}  # those whose answers have gone out, the oldest first
        self._lagging_bytes = 0
        self._quiet_until = -inf
        self._touches: set[asyncio.Task[None]] = set()
        self._running: dict[tuple[str, int], int] = {}  # requests that a node works on, by session and node
        self.presence: Presence | None = None  # where other processes serve the service, too

    # Called by exchanges

    def course(
        self, version: int, unprotected: bool, session_id: str, minted: bool, pin: int = -1
    ) -> KeptCourse:
        """The course of an exchange, by its token; `minted`: without one. `pin`: the token's node."""
        unprotected = unprotected or session_id in self.counters.unprotected
        return KeptCourse(self.options.terms, session_id, version, unprotected, minted, pin)

    def perform(self, course: KeptCourse, step: Step, done: Callable[[Step], None]) -> Errand:
        """Do a slow step and those that follow; `done` is told of the first that is the exchange's own.

        It is told once, later, unless the errand is abandoned. A REFUSE may be performed, too, and is what
        `done` is then told: where its `keep` says so, the token of the refusal points at its `node`.
        """
        errand = Errand(self, course, done)
        errand.begin(step)
        return errand

    def sent(self, course: KeptCourse, node: int) -> None:
        """The request is on its way to a node; `arrived` says that it is back."""
        place = course.running = (course.session_id, node)
        self._running[place] = self._running.get(place, 0) + 1
        if self.presence is not None:
            self.presence.came(course.session_id, node)

    def arrived(self, course: KeptCourse, ok: bool) -> None:
        """A request that may have carried a takeover was answered without a need, or was not.

        To be called at the end of an exchange, too, whatever that was: others may wait for its takeover.
        """
        place, course.running = course.running, None
        if place is not None:
            if self.presence is not None:
                self.presence.left(place[0], place[1])
            self._running[place] -= 1
            if not self._running[place]:
                del self._running[place]
        if course.leads:
            self.takeovers.arrived(course, ok)

    def busy(self, session_id: str, node: int) -> bool:
        """Whether a node works on a request of this session, whose write a fence might cut off."""
        if (session_id, node) in self._running:
            return True
        return self.presence is not None and self.presence.busy(session_id, node)

    def touch(self, session_id: str, version: int, pin: int) -> None:
        """Keep the copies of a session that is only read from being forgotten; nobody waits for it."""
        if len(self._touches) >= _MOST_TOUCHES or version < 2:
            return
        around, replicas = self.around(session_id, NO_HEIR), self.options.replicas
        holders = [node for node, _ in zip(copy_holders(around, pin), range(replicas), strict=False)]
        if self.options.store and STORE in around.up:
            holders.append(STORE)
        for target in holders:
            task = self.targets.touch(target, session_id, version)
            self._touches.add(task)
            task.add_done_callback(self._touches.discard)

    # Called by control

    @property
    def moved(self) -> Callable[[Move], None] | None:
        """Who is told of each session that another node has taken over."""
        return self.takeovers.moved

    @moved.setter
    def moved(self, told: Callable[[Move], None]) -> None:
        self.takeovers.moved = told

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest write whose answer has gone out before it had its copies (ack: async)."""
        for run in self._lagging:
            return asyncio.get_running_loop().time() - run.began
        return 0.0

    @property
    def lag_bytes(self) -> int:
        """The state of all such writes."""
        return self._lagging_bytes

    @property
    def idle(self) -> bool:
        """Whether no node works on a request whose session is kept here, and no write is on its way."""
        return not self._running and not self._alarm

    @property
    def settling(self) -> int:
        """Writes on their way to their copies."""
        return len(self._alarm)

    @property
    def touching(self) -> int:
        """Copies that are being touched."""
        return len(self._touches)

    def change(self, options: KeepingOptions) -> None:
        """Keep new courses by these; those under way end as they began."""
        self.options = options
        self.takeovers.change(options.rules)

    def close(self) -> None:
        """Begin nothing more of its own. What is under way ends when its targets are closed."""
        self.takeovers.close()
        for task in self._touches:
            task.cancel()

    # Called by errands

    def settle(self, errand: Errand, step: Step) -> None:
        """Bring a write to its copies. With `ack: async` the errand goes on at once, while the lag allows.

        What has been released is settled before it lags by `max_lag`, or counts as unprotected.
        """
        options = self.options
        if not options.replicas and not options.store:
            errand.settled(Settled.SETTLED, 0)  # affinity: nobody but its node is to have it
            return
        within = options.max_lag * _OF_MAX_LAG
        waits = not within or self.lag_seconds >= options.max_lag / 2
        run = SettleRun(
            self.targets,
            step,
            self._machine(step),
            options.ack_timeout if waits else min(options.ack_timeout, within / _HOLDERS_TRIED),
            inf if waits else within,
            self._alarm,
            self._settled,
            errand if waits else None,
        )
        if waits:
            run.start()
        else:
            self._lagging[run] = None
            self._lagging_bytes += len(step.state)
            run.start()
            known = step.session_id in self.counters.unprotected
            errand.settled(Settled.UNPROTECTED if known else Settled.SETTLED, 0)

    def end(self, session_id: str, pin: int, over: Callable[[bool], None]) -> None:
        """Have an end remembered by those who hold copies, and by the store; `over`: whether they do."""
        around, options = self.around(session_id, NO_HEIR), self.options
        replicas = self._replicas(around, pin)
        others = copy_holders(around, pin) if options.terms.sticky else iter(())
        ending = Ending(replicas, others, options.store)

        def ended(verdict: Settled) -> None:
            self.counters.ends[verdict] += 1
            self.counters.unprotected.pop(session_id, None)
            over(verdict is Settled.SETTLED)

        EndRun(self.targets, session_id, ending, options.ack_timeout, ended).start()

    # Private

    def _settled(self, run: SettleRun, verdict: Settled, winner: int) -> None:
        step, errand = run.step, run.errand
        took, forgotten = run.ended - run.began, run.ended + self.options.terms.ttl
        self.counters.settled(step.session_id, step.version, verdict, took, forgotten)
        if errand is None:
            del self._lagging[run]
            self._lagging_bytes -= len(step.state)
            if verdict is Settled.UNPROTECTED:
                self._complain(run.ended)
        else:
            errand.settled(verdict, winner)

    def _complain(self, now: float) -> None:
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            logger.warning(
                "service %s: a write that was answered found nobody to hold a copy in %g s (max_lag)",
                self.options.service,
                self.options.max_lag,
            )

    def _machine(self, step: Step) -> Settling:
        if not self.options.replicas:
            return Settling(step.version, 1, iter((STORE,)))
        around = self.around(step.session_id, NO_HEIR)
        candidates: Iterator[int] = copy_holders(around, step.node)
        fallback = self.options.store and STORE in around.up
        return Settling(step.version, self._replicas(around, step.node), candidates, fallback)

    def _replicas(self, around: Around, pin: int) -> int:
        """How many copies there have to be."""
        if self.options.replicas != ALL:
            return self.options.replicas
        return max(1, len(around.ready - {pin}))
