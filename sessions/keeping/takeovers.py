"""Searches of one service: one for each session, and whoever waits for a takeover until it has arrived."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from sessions.contract.flights import Flights
from sessions.contract.messages import STORE, Action, Answer, Call, Kind
from sessions.contract.searching import Around, Found, Rules, Search, Where
from sessions.keeping.asking import Asking
from sessions.keeping.counters import KeepingCounters, Source
from sessions.keeping.kept import KeptCourse
from sessions.keeping.restoring import Restoring
from sessions.keeping.runs import SearchRun
from sessions.keeping.targets import Targets

# How often a node is asked whether it serves the session by now, while its app takes its time to answer.
_FIRST_LOOK, _LONGEST_LOOK = 0.1, 1.0  # seconds
_MOST_LOOKS = 120
_NOT_YET = Found(Where.NOT_YET)


class Move(NamedTuple):
    """A session that another node has taken over. Nodes are indices; `source` may be STORE, -2: nobody."""

    session_id: str
    pin: int  # the token's node, -1 where there was none
    node: int
    where: Where
    source: int


class Seeker(Protocol):
    """Who waits for the end of a search."""

    course: KeptCourse

    def found(self, found: Found) -> None: ...


class _Takeover:
    """A takeover on its way to its node."""

    __slots__ = ("asking", "course", "found", "looks", "timer")

    def __init__(self, course: KeptCourse, found: Found) -> None:
        self.course = course
        self.found = found
        self.looks = 0
        self.timer: asyncio.TimerHandle | None = None
        self.asking: Asking | None = None


class _Full(Exception):
    """As many searches are under way as may be."""


class Takeovers:
    """All searches of a service. `around(session_id, choice)`: what is known of the nodes at this moment."""

    def __init__(
        self,
        rules: Rules,
        targets: Targets,
        around: Callable[[str, int], Around],
        counters: KeepingCounters,
        draw: Callable[[], int],
        timeout: float,
        most: int,
    ) -> None:
        self._rules = rules
        self._targets = targets
        self._around = around
        self._counters = counters
        self._draw = draw
        self._timeout = timeout
        self._flights: Flights[Seeker] = Flights(most)
        self._runs: dict[Seeker, SearchRun] = {}
        self._under_way: dict[str, _Takeover] = {}
        self.moved: Callable[[Move], None] | None = None  # told of each takeover that was made

    def __len__(self) -> int:
        return len(self._flights)

    def change(self, rules: Rules) -> None:
        """Search by these rules from now on."""
        self._rules = rules

    def join(self, seeker: Seeker) -> None:
        """Search, or wait for who searches for this session already."""
        course = seeker.course
        self.arrived(course, False)
        try:
            search = self._flights.join(
                course.session_id, course.expected, seeker, lambda: self._search(course)
            )
        except _Full:
            self._counters.searches[Where.NOT_YET] += 1
            seeker.found(_NOT_YET)
            return
        if search is not None:
            self._run(seeker, search)

    def leave(self, seeker: Seeker) -> None:
        """Its client has gone: a search that it leads is the next one's."""
        session_id = seeker.course.session_id
        run = self._runs.pop(seeker, None)
        if run is None:
            self._flights.withdraw(session_id, seeker)
            return
        run.stop()
        for waiter in self._flights.arrived(session_id):
            self.join(waiter)

    def look(self, course: KeptCourse, over: Callable[[Found], None]) -> None:
        """See who serves the session, and fence nobody."""
        session_id, node = course.session_id, course.node

        def around() -> Around:
            return self._around(session_id, node)

        search = Search(self._rules, around(), course.pin, course.expected, self._draw, True, course.mark)
        SearchRun(self._targets, session_id, search, around, self._timeout, over).start()

    def restore(self, course: KeptCourse, written: int, over: Callable[[], None]) -> None:
        """Have the exchange's node hold what was acknowledged before `written`, which was refused."""
        session_id, node = course.session_id, course.node

        def around() -> Around:
            return self._around(session_id, node)

        search = Search(
            self._rules, around(), course.pin, course.expected, self._draw, without=(node, written)
        )
        Restoring(self._targets, session_id, node, search, around, self._timeout, over).start()

    def arrived(self, course: KeptCourse, ok: bool) -> None:
        """The takeover that an exchange carried has been made, or has not. Others' calls change nothing."""
        session_id, course.leads = course.leads, ""
        takeover = self._under_way.get(session_id)
        if takeover is not None and takeover.course is course:
            self._land(session_id, takeover, ok)

    def close(self) -> None:
        """Watch over no takeover any more."""
        for takeover in self._under_way.values():
            _stop(takeover)

    # Private

    def _search(self, course: KeptCourse) -> Search:
        if self._flights.full:
            raise _Full
        around = self._around(course.session_id, course.node)
        return Search(self._rules, around, course.pin, course.expected, self._draw, above=course.mark)

    def _run(self, seeker: Seeker, search: Search) -> None:
        session_id, node = seeker.course.session_id, seeker.course.node
        run = SearchRun(
            self._targets,
            session_id,
            search,
            lambda: self._around(session_id, node),
            self._timeout,
            lambda found: self._searched(seeker, found),
        )
        self._runs[seeker] = run
        run.start()

    def _searched(self, seeker: Seeker, found: Found) -> None:
        run = self._runs.pop(seeker)
        course, counters = seeker.course, self._counters
        counters.searches[found.where] += 1
        counters.searching.add(asyncio.get_running_loop().time() - run.began)
        waiters = self._flights.searched(course.session_id, found)
        if found.handover.number:
            takeover = self._under_way[course.session_id] = _Takeover(course, found)
            course.leads = course.session_id
            self._look_later(course.session_id, takeover)
        seeker.found(found)
        for waiter in waiters:
            waiter.found(found)

    def _land(self, session_id: str, takeover: _Takeover, ok: bool) -> None:
        _stop(takeover)
        del self._under_way[session_id]
        waiters = self._flights.arrived(session_id)
        if ok:
            self._count(session_id, takeover)
        made = takeover.found
        found = Found(Where.SERVED, made.node, source=made.node, base=made.base, number=made.number)
        for waiter in waiters:
            # Not sticky: what was handed over may be older than what this one has to see.
            if ok and (self._rules.sticky or waiter.course.expected <= max(made.base, 1)):
                waiter.found(found)
            else:
                self.join(waiter)

    def _count(self, session_id: str, takeover: _Takeover) -> None:
        found, counters = takeover.found, self._counters
        counters.lost += found.where is Where.LOST
        counters.stale += found.where is Where.STALE
        counters.moves[_source(found)] += 1
        if self.moved is not None:
            self.moved(Move(session_id, takeover.course.pin, found.node, found.where, found.source))

    # A takeover has arrived when its node answers. Some apps take long to, and others must not wait for that.

    def _look_later(self, session_id: str, takeover: _Takeover) -> None:
        wait = min(_LONGEST_LOOK, _FIRST_LOOK * 2**takeover.looks)
        takeover.looks += 1
        takeover.timer = asyncio.get_running_loop().call_later(wait, self._look_now, session_id, takeover)

    def _look_now(self, session_id: str, takeover: _Takeover) -> None:
        takeover.asking = Asking(
            self._targets, session_id, lambda _, said: self._seen(session_id, takeover, said)
        )
        takeover.asking.send(Action(Call.GET, takeover.found.node), self._timeout)

    def _seen(self, session_id: str, takeover: _Takeover, said: Answer | None) -> None:
        number = takeover.found.handover.number
        if said is not None and said.kind is Kind.HELD and said.serving and said.version >= number:
            self._land(session_id, takeover, True)
        elif takeover.looks >= _MOST_LOOKS:
            self._land(session_id, takeover, False)
        else:
            self._look_later(session_id, takeover)


def _stop(takeover: _Takeover) -> None:
    if takeover.timer is not None:
        takeover.timer.cancel()
    if takeover.asking is not None:
        takeover.asking.drop()


def _source(found: Found) -> Source:
    if found.where in (Where.NEW, Where.LOST) or found.source < STORE:
        return Source.NOBODY
    if found.source == STORE:
        return Source.STORE
    return Source.OWN if found.source == found.node else Source.PEER
