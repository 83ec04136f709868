"""What an exchange's course asks its keeper to do, step by step, until a step is the exchange's own again."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sessions.contract.course import Do, Keep, Step, Why
from sessions.contract.messages import Action, Answer, Call
from sessions.contract.searching import Found, Where
from sessions.contract.settling import Settled
from sessions.keeping.asking import Asking
from sessions.keeping.kept import KeptCourse

if TYPE_CHECKING:
    from sessions.keeper import Keeper


class Errand:
    """Something slow that is done for one exchange."""

    __slots__ = ("_abandoned", "_asking", "_begun", "_done", "_keeper", "_pausing", "_seeking", "course")

    def __init__(self, keeper: "Keeper", course: KeptCourse, done: Callable[[Step], None]) -> None:
        self.course = course
        self._keeper = keeper
        self._done = done
        self._asking: Asking | None = None  # of a state that is put before the request
        self._pausing: asyncio.TimerHandle | None = None
        self._seeking = False
        self._abandoned = False
        self._begun = False  # the exchange has it, and may be told

    # Called by the exchange

    def abandon(self) -> None:
        """The client has gone. A write that was made is settled all the same, an end remembered."""
        self._abandoned = True
        if self._pausing is not None:
            self._pausing.cancel()
        if self._seeking:
            self._seeking = False
            self._keeper.takeovers.leave(self)
        if self._asking is not None:
            self._asking.drop()
        self._keeper.arrived(self.course, False)

    # Called by the keeper

    def begin(self, step: Step) -> None:
        """Do the first step."""
        if step.do is _SETTLE:  # nearly all
            self._keeper.settle(self, step)
        else:
            self.go(step)
        self._begun = True

    def go(self, step: Step) -> None:
        """Do this step, or hand it to the exchange."""
        act = _ACTS.get(step.do)
        if self._abandoned and step.do in (Do.SEARCH, Do.PUT):
            return
        if act is None:
            self._later(step)
        else:
            act(self, step)

    def found(self, found: Found) -> None:
        """A search has ended for this exchange."""
        self._seeking = False
        self.go(self.course.found(found))

    def settled(self, verdict: Settled, winner: int) -> None:
        """A write is safe, or is not."""
        step = self.course.settled(verdict, winner)
        if self._begun and verdict is _SETTLED and step.do is _RELEASE:
            if not self._abandoned:
                self._done(step)  # from within the answer that settled it: a client waits for this one
        else:
            self.go(step)

    # Private

    def _later(self, step: Step) -> None:
        asyncio.get_running_loop().call_soon(self._hand_over, step)

    def _hand_over(self, step: Step) -> None:
        if not self._abandoned:
            self._done(step)

    def _search(self, step: Step) -> None:
        self._keeper.arrived(self.course, False)  # nobody is to wait for it during the pause
        if self.course.pause:
            self._pausing = asyncio.get_running_loop().call_later(self.course.pause, self._seek)
        else:
            self._seek()

    def _seek(self) -> None:
        self._seeking = True
        self._keeper.takeovers.join(self)

    def _put(self, step: Step) -> None:
        self._asking = Asking(self._keeper.targets, step.session_id, lambda _, answer: self._has_put(answer))
        self._asking.send(
            Action(Call.PUT, step.node, step.version, step.state), self._keeper.options.ack_timeout
        )

    def _has_put(self, answer: Answer | None) -> None:
        self._asking = None
        self.go(self.course.put(answer))

    def _fetch(self, step: Step) -> None:
        self._get(step, self.course.fetched)

    def _ask(self, step: Step) -> None:
        self._get(step, self.course.asked)

    def _get(self, step: Step, then: Callable[[Answer | None], Step]) -> None:
        asking = Asking(self._keeper.targets, step.session_id, lambda _, said: self.go(then(said)))
        asking.send(Action(Call.GET, step.node), self._keeper.options.call_timeout)

    def _settle(self, step: Step) -> None:
        self._keeper.settle(self, step)

    def _end(self, step: Step) -> None:
        self._keeper.end(step.session_id, step.node, self._marked)

    def _marked(self, remembered: bool) -> None:
        self.go(self.course.marked(remembered))

    def _refuse(self, step: Step) -> None:
        """What comes before a refusal: the node is told what it does not know, and who serves is found."""
        if step.why is Why.OVER:
            self._tell(Action(Call.END, step.node), step.session_id, lambda: self._later(step))
        elif step.why is Why.CONFLICT and step.version:
            fence = Action(Call.FENCE, step.node, step.version)
            self._tell(fence, step.session_id, lambda: self._look(step))
        elif step.why is Why.CONFLICT:
            self._look(step)
        elif step.why is Why.STATE_TOO_LARGE:
            self._keeper.counters.too_large += 1
            self._restore(step)
        else:
            self._later(step)

    def _tell(self, action: Action, session_id: str, then: Callable[[], None]) -> None:
        asking = Asking(self._keeper.targets, session_id, lambda _action, _answer: then())
        asking.send(action, self._keeper.options.call_timeout)

    def _look(self, step: Step) -> None:
        if not self.course.expected or self._abandoned:
            self._later(step)
        else:
            self._keeper.takeovers.look(self.course, lambda found: self._seen(step, found))

    def _restore(self, step: Step) -> None:
        """Without stickiness the store's state goes along with each request; without copies there is none."""
        options = self._keeper.options
        kept = options.terms.sticky and (options.replicas or options.store)
        if kept and self.course.expected:
            self._keeper.takeovers.restore(self.course, step.version, lambda: self._later(step))
        else:
            self._later(step)

    def _seen(self, step: Step, found: Found) -> None:
        course = self.course
        if found.where is Where.SERVED:
            step = step._replace(node=found.node, keep=Keep.TOKEN)
        elif found.where is Where.ENDED:
            step = step._replace(keep=Keep.DELETE)
        self._later(step._replace(version=course.expected, unprotected=course.token_unprotected))


_SETTLE: Final = Do.SETTLE
_RELEASE: Final = Do.RELEASE
_SETTLED: Final = Settled.SETTLED
_ACTS: dict[Do, Callable[[Errand, Step], None]] = {
    Do.SEARCH: Errand._search,
    Do.PUT: Errand._put,
    Do.FETCH: Errand._fetch,
    Do.SETTLE: Errand._settle,
    Do.END: Errand._end,
    Do.REFUSE: Errand._refuse,
    Do.ASK: Errand._ask,
}
