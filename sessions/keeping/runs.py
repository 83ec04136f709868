"""Runs one search, settling or ending: sends what the machine says, and tells it what was answered."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from sessions.contract.course import Step
from sessions.contract.ending import Ending
from sessions.contract.messages import Action, Answer, Call
from sessions.contract.searching import Around, Found, Search, Where
from sessions.contract.settling import Settled, Settling
from sessions.keeping.alarm import Alarm
from sessions.keeping.asking import Asking, heard_of
from sessions.keeping.targets import Pending, Targets

if TYPE_CHECKING:
    from sessions.keeping.errand import Errand

_NOBODY: Final = -2  # is no target


class SearchRun:
    """A search; `around` tells what is known of the nodes now. `over` is told what was found, once."""

    __slots__ = ("_around", "_asking", "_over", "_pausing", "_search", "_timeout", "began")

    def __init__(
        self,
        targets: Targets,
        session_id: str,
        search: Search,
        around: Callable[[], Around],
        timeout: float,
        over: Callable[[Found], None],
    ) -> None:
        self._asking = Asking(targets, session_id, self._heard)
        self._search = search
        self._around = around
        self._timeout = timeout
        self._over = over
        self._pausing: asyncio.TimerHandle | None = None
        self.began = asyncio.get_running_loop().time()

    def start(self) -> None:
        """Begin, or go on after a pause."""
        self._pausing = None
        self._search.around = self._around()
        self._go(self._search.start())

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self._asking.close()
        if self._pausing is not None:
            self._pausing.cancel()

    def _heard(self, action: Action, answer: Answer | None) -> None:
        search = self._search
        search.around = self._around()
        self._go(search.silent(action) if answer is None else search.answered(action, answer))

    def _go(self, actions: list[Action]) -> None:
        for action in actions:
            self._asking.send(action, self._timeout)
        search = self._search
        if search.found is not None:
            self._asking.close()
            self._over(search.found)
        elif search.pause:
            self._asking.drop()  # an answer to an earlier round counts for nothing, and would pause again
            self._pausing = asyncio.get_running_loop().call_later(search.pause, self.start)
        elif not self._asking:
            self._over(Found(Where.NOT_YET))  # all who were to be asked have gone down meanwhile


class SettleRun:
    """A write on its way to its copies. `over` is told when it is safe, or cannot be.

    `errand`: who waits for that; None: its answer has gone out.
    """

    __slots__ = (
        "_ack_timeout",
        "_alarm",
        "_calls",
        "_over",
        "_settling",
        "_targets",
        "_within",
        "began",
        "deadline",
        "ended",
        "errand",
        "step",
    )

    def __init__(
        self,
        targets: Targets,
        step: Step,
        settling: Settling,
        ack_timeout: float,
        within: float,
        alarm: Alarm,
        over: Callable[["SettleRun", Settled, int], None],
        errand: "Errand | None" = None,
    ) -> None:
        """`ack_timeout`: seconds for each target, `within` for all of them together."""
        self.step = step
        self.errand = errand
        self._targets = targets
        self._settling = settling
        self._ack_timeout = ack_timeout
        self._within = within
        self._over = over
        self._alarm = alarm
        self._calls: dict[Pending, int] = {}  # those under way, and to whom
        self.began = self.ended = self.deadline = 0.0

    def start(self) -> None:
        """Begin; without anybody to hold it that is the end, too."""
        self.began = now = asyncio.get_running_loop().time()
        targets = self._settling.start(now, self._ack_timeout, now + self._within)
        self.deadline = self._settling.deadline
        self._alarm.add(self)
        self._go(targets, now)

    def late(self, now: float) -> None:
        """Called by the alarm: whoever has not answered in time is given up."""
        self._go(self._settling.tick(now), now)

    def _heard(self, call: Pending) -> None:
        target = self._calls.pop(call, _NOBODY)
        if target == _NOBODY:  # the verdict was there before
            return
        settling, now, said = self._settling, asyncio.get_running_loop().time(), heard_of(call)
        self._go(settling.silent(target, now) if said is None else settling.answered(target, said, now), now)

    def _go(self, targets: list[int], now: float) -> None:
        settling, step = self._settling, self.step
        self.deadline = settling.deadline
        for target in targets:
            action = Action(Call.PUT, target, step.version, step.state)
            call = self._targets.ask(action, step.session_id, step.base, step.node)
            self._calls[call] = target
            call.add_done_callback(self._heard)
        if settling.verdict:
            calls, self._calls = self._calls, {}
            for call in calls:  # what has not left yet is not sent
                call.cancel()
            self.ended = now
            self._alarm.remove(self)
            self._over(self, settling.verdict, settling.winner)


class EndRun:
    """The end of a session on its way to those who have to remember it."""

    __slots__ = ("_asking", "_ending", "_over", "_timeout")

    def __init__(
        self,
        targets: Targets,
        session_id: str,
        ending: Ending,
        timeout: float,
        over: Callable[[Settled], None],
    ) -> None:
        self._asking = Asking(targets, session_id, self._heard)
        self._ending = ending
        self._timeout = timeout
        self._over = over

    def start(self) -> None:
        self._go(self._ending.start())

    def _heard(self, action: Action, answer: Answer | None) -> None:
        ending, target = self._ending, action.target
        self._go(ending.silent(target) if answer is None else ending.answered(target, answer))

    def _go(self, targets: list[int]) -> None:
        for target in targets:
            self._asking.send(Action(Call.END, target), self._timeout)
        if self._ending.verdict:
            self._asking.close()
            self._over(self._ending.verdict)


def copy_holders(around: Around, pin: int) -> Iterator[int]:
    """Who may be given copies, first in order first: ready nodes, then others that answer.

    Who is syncing or draining may serve nobody, but a copy there is better than none.
    """
    ready, up = around.ready, around.up
    others: list[int] = []
    for node in around.order:  # once
        if node == pin:
            continue
        if node in ready:
            yield node
        elif node in up:
            others.append(node)
    yield from others
