"""Where a session is: asked of all who may hold it, then fenced, so that nothing acknowledged is missed.

First everybody is asked (GET). Is it served by a node that may take requests, it stays there. Otherwise all
are fenced with a new number, and the highest version that the fences return is what the new owner gets: a
write acknowledged before its copy's fence is among them, one after it is refused.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

from sessions.contract.fences import Fences
from sessions.contract.headers import NO_HANDOVER, STATE_IN_HEADER, Handover
from sessions.contract.messages import STORE, UNKNOWN, Action, Answer, Call, Kind
from sessions.contract.versions import VersionsExhausted, fencing_number, lineage

MOST_ROUNDS = 4  # then 503
NO_HEIR = -2  # in place of the router's choice: it is not asked who takes the session over
NOT_REFUSED = (-2, 0)
_LONGEST_PAUSE = 0.05  # seconds, times the round: for rivals to get out of each other's way
_COPY_PAUSE = 0.01  # seconds, and doubled, for copies of what was saved before a fence
_MOST_COPY_PAUSES = 5  # in one search: 0.3 s in all, as its proxy may have died


class Around(NamedTuple):
    """What the proxy knows of the session's possible holders at this moment."""

    order: Iterable[int]  # all configured nodes in the id's ring order; only once where NO_HEIR was asked for
    up: frozenset[int]  # targets that must answer: nodes that pass their probes whatever their mode, STORE
    ready: frozenset[int]  # nodes that may take requests
    given_up: frozenset[int]  # targets that have been down for `give_up`
    heir: int  # the node that takes the session over; -1: nobody can


class Rules(NamedTuple):
    """What a service's settings say about searches."""

    replicas: int
    store: bool  # a store may hold the session
    # How many holders of an acknowledged write may be missing while one more still has it: `replicas`, or 1
    # where the store alone may hold a copy.
    tolerated: int
    # False: whoever gets a request takes the session over as the store has it. Nobody is fenced, or a read
    # would undo a write elsewhere: the store takes one only above the version that it was made from.
    sticky: bool = True
    on_stale_empty: bool = False


class Where(IntEnum):
    """How a search ended."""

    SERVED = 0  # by `node`: send it there
    TAKEOVER = 1  # `node` gets the newest
    NEW = 2  # never written, so nothing is missing
    LOST = 3
    STALE = 4  # `node` gets the newest that there is
    ENDED = 5
    NOT_YET = 6  # 503: somebody who may hold it has not answered


class Found(NamedTuple):
    """The end of a search."""

    where: Where
    node: int = -1
    version: int = 0  # the oldest that the node may serve: `Limpet-Version`
    handover: Handover = NO_HANDOVER
    put: bytes | None = None  # a state too large for a header: to be PUT as `version` before the request
    source: int = -2  # who had it: node index or STORE
    base: int = 0  # the version that the state handed over had
    number: int = 0  # not sticky: what the node calls that; who is told just this has read, and not written


class _Phase(IntEnum):
    ASKING = 0
    FENCING = 1
    PAUSING = 2
    COPYING = 3  # others are thought to make copies before they are fenced


class Search:
    """One search for one session. `around` is to be replaced whenever something in it changes.

    `expected`: the token's version, which may be raised while the search goes on; `pin`: the token's node,
    below 0 for none. `draw`: a random integer below 4096. `look_only`: never fence, only see who serves it.
    `above`: what stood against an earlier takeover or write; who serves less is overtaken.
    `without`: a node and its write that was refused; neither this nor what the owner made of it counts.
    After each call: where `found` is set, it is over; where `pause` is above 0, call `start` again after so
    many seconds.
    """

    __slots__ = (
        "_above",
        "_answers",
        "_asked_for",
        "_copy_pauses",
        "_draw",
        "_fences",
        "_highest",
        "_look_only",
        "_near",
        "_number",
        "_phase",
        "_pin",
        "_rounds",
        "_rules",
        "_waiting",
        "_without",
        "around",
        "expected",
        "found",
        "pause",
    )

    def __init__(
        self,
        rules: Rules,
        around: Around,
        pin: int,
        expected: int,
        draw: Callable[[], int],
        look_only: bool = False,
        above: int = 0,
        without: tuple[int, int] = NOT_REFUSED,
    ) -> None:
        self._rules = rules
        self.around = around
        self.expected = expected
        self.found: Found | None = None
        self.pause = 0.0
        self._asked_for = expected
        self._pin = pin
        self._draw = draw
        self._look_only = look_only
        self._rounds = 0
        self._number = 0
        self._above = above
        self._without = without
        self._highest = above  # of all versions and fences heard of
        self._phase = _Phase.PAUSING
        self._answers: dict[int, Answer] = {}
        self._waiting: dict[int, Action] = {}
        self._near: set[int] = set()
        self._fences = Fences({}, set(), pin, -1)
        self._copy_pauses = 0

    def start(self) -> list[Action]:
        """Begin, begin again, or go on after a pause."""
        self.pause = 0.0
        if self._phase is _Phase.COPYING:
            return self._send(Call.GET, self._fences.left) or self._next()
        self._rounds += 1
        self._answers = {}
        self._asked_for = self.expected
        if not self._rules.sticky:
            return self._ask((STORE,))
        order, up = self.around.order, self.around.up
        # Copies go to the first available ones in order, so those that are down must not use up the places.
        first = islice((node for node in order if node in up), self._rules.replicas + 2)
        self._near = {self._pin, STORE, *first} & self._holders()
        return self._ask(self._near)

    def answered(self, action: Action, answer: Answer) -> list[Action]:
        """A call has been answered. One of an earlier round does not count: it says nothing of now."""
        target = action.target
        if self._waiting.get(target) is not action:
            return []
        del self._waiting[target]
        self._highest = max(self._highest, answer.version)
        if answer.kind is Kind.ENDED:
            return self._end(Found(Where.ENDED))
        if answer.kind is Kind.REFUSED:
            return self._again(rival=True)
        held = self._answers.setdefault(target, UNKNOWN)
        if answer.kind is Kind.HELD and answer.version >= held.version and not self._refused(target, answer):
            self._answers[target] = answer
        return self._next() if not self._waiting else []

    def silent(self, action: Action) -> list[Action]:
        """A call was not answered, or not understandably: accepted only where its target is down by now."""
        target = action.target
        if self._waiting.get(target) is not action:
            return []
        del self._waiting[target]
        if target in self.around.up:
            return self._again(rival=False)
        if (
            self._answers.get(target) is UNKNOWN
        ):  # it may have been given a copy since; one that it had is good
            del self._answers[target]
        return self._next() if not self._waiting else []

    # Private

    def _refused(self, target: int, answer: Answer) -> bool:
        node, version = self._without
        return target == node and answer.version >= version and lineage(answer.version) == lineage(version)

    def _ask(self, targets: Iterable[int]) -> list[Action]:
        self._phase = _Phase.ASKING
        return self._send(Call.GET, targets) or self._next()

    def _send(self, call: Call, targets: Iterable[int]) -> list[Action]:
        up = sorted(target for target in targets if target in self.around.up)
        self._waiting = {target: Action(call, target, self._number) for target in up}
        return list(self._waiting.values())

    def _next(self) -> list[Action]:
        """All who were asked have answered."""
        if self._phase in (_Phase.FENCING, _Phase.COPYING):
            return self._fence_next()
        server = self._server()
        if server >= 0:
            return self._end(Found(Where.SERVED, server, self.expected, source=server))
        # Copies may be as new as the token while their owner is not among those asked: a token can be old,
        # and its node not the one that serves. Taking over from a healthy owner would be a fault of our own.
        others = self.around.up & self._holders() - self._answers.keys()
        if others:
            return self._ask(others)
        if self._look_only or self.around.heir < 0 or not self._may_conclude():
            return self._end(Found(Where.NOT_YET))
        try:
            self._number = fencing_number(max(self.expected, self._highest), self._draw())
        except VersionsExhausted:
            return self._end(Found(Where.ENDED))
        return self._fence() if self._rules.sticky else self._hand_over()

    def _fence(self) -> list[Action]:
        """All near ones, and whoever else has something; everybody where what is expected was not found."""
        heir = self.around.heir
        targets = {target for target, answer in self._answers.items() if answer is not UNKNOWN} | self._near
        if self._newest().version < max(self.expected, 1):
            targets |= self._answers.keys()
        self._fences = Fences(self._answers, targets | {heir}, self._pin, heir)
        return self._fence_next()

    def _fence_next(self) -> list[Action]:
        """Those whose turn it is; after a pause where they are likely to be given copies yet."""
        lacking = self._fences.lacking(self.around.up, self._rules.replicas)
        if lacking and self._copy_pauses < _MOST_COPY_PAUSES:
            self._phase = _Phase.COPYING
            self.pause = _COPY_PAUSE * 2.0**self._copy_pauses
            self._copy_pauses += 1
            return []
        self._phase = _Phase.FENCING
        while targets := self._fences.next():
            if actions := self._send(Call.FENCE, targets):
                return actions
        return self._hand_over()

    def _hand_over(self) -> list[Action]:
        heir, newest = self.around.heir, self._newest()
        if heir < 0:  # all have gone since the fences went out; STORE, which has answered, is no heir
            return self._end(Found(Where.NOT_YET))
        if heir not in self._answers and self._rules.sticky:
            return self._again(rival=False)  # there is another heir since the fences went out
        if not self._may_conclude():
            return self._end(Found(Where.NOT_YET))
        if not self._rules.sticky and self.expected > max(self._asked_for, newest.version):
            return self._again(
                rival=False
            )  # somebody with a newer token has joined since: no fence holds that
        found = self._conclusion(heir, newest)
        return self._end(found if self._rules.sticky else self._whole(found))

    def _conclusion(self, heir: int, newest: Answer) -> Found:
        expected, number = self.expected, self._number
        if newest.version >= max(expected, 1):
            return self._given(Where.TAKEOVER, heir, newest, 0)
        if not newest.version:
            where = Where.LOST if expected > 1 else Where.NEW
            return Found(where, heir, 0, Handover(number))
        if self._rules.on_stale_empty:
            return Found(Where.STALE, heir, expected, Handover(number, b"", expected))
        return self._given(Where.STALE, heir, newest, expected)

    def _given(self, where: Where, heir: int, newest: Answer, stale_of: int) -> Found:
        """The newest: the heir has it, or gets it with the request, or by a PUT before that."""
        own = self._answers.get(heir, UNKNOWN)
        version, state, number = newest.version, newest.state, self._number
        source = self._source(newest)
        if own.version == version and own.state == state:
            return Found(where, heir, version, Handover(number, None, stale_of), None, source, version)
        if len(state) <= STATE_IN_HEADER:
            return Found(where, heir, version, Handover(number, state, stale_of), None, source, version)
        # The heir is fenced, so it takes nothing below the fence, and a takeover has to be above what it
        # holds: the state goes as version `number`, which nobody else can use, and is taken over one above.
        return Found(where, heir, number, Handover(number + 1, None, stale_of), state, source, version)

    def _whole(self, found: Found) -> Found:
        """Not sticky: the node may hold a write that the store has refused, whatever its version. What the
        store has comes above that, as version `number`, which nobody else can use, and empty where it has
        nothing."""
        number = self._number
        if found.put is None:
            handover = Handover(number + 1, found.handover.state or b"", found.handover.expected)
            found = found._replace(version=number, handover=handover)
        return found._replace(number=number + 1)

    def _server(self) -> int:
        """A ready node that serves the session as new as expected, and has not been overtaken; or -1."""
        serving = [
            (answer.version, target)
            for target, answer in self._answers.items()
            if answer.serving and target in self.around.ready
        ]
        version, node = max(serving, default=(0, -1))
        overtaken = lineage(version) < lineage(max(self._above, self._newest().version))
        return -1 if version < self.expected or overtaken else node

    def _newest(self) -> Answer:
        return max(self._answers.values(), key=lambda answer: answer.version, default=UNKNOWN)

    def _source(self, newest: Answer) -> int:
        return next(target for target, answer in self._answers.items() if answer is newest)

    def _holders(self) -> set[int]:
        """Everybody who may hold the session."""
        if not self._rules.sticky:
            return {STORE}
        return {*self.around.order, STORE} if self._rules.store else set(self.around.order)

    def _may_conclude(self) -> bool:
        """Whether what was found is all that there is. Silence is not an answer."""
        if self._newest().version >= max(self.expected, 1):
            return True
        missing = self._holders() - self._answers.keys() - self.around.given_up
        # Of a token of version 1 nobody has to have anything. But an old token of a session written since
        # looks the same: so many may be missing as leave one holder of that write among who answered. What
        # nodes have forgotten one after the other, an end above all, the store alone remembers.
        if self.expected > 1:
            return not missing
        return STORE not in missing and (not self._rules.replicas or len(missing) <= self._rules.tolerated)

    def _again(self, rival: bool) -> list[Action]:
        """Search again: at once after a silence, which took its time; a little later after a rival's 409."""
        self._waiting = {}
        self._phase = _Phase.PAUSING
        if self._rounds >= MOST_ROUNDS:
            return self._end(Found(Where.NOT_YET))
        if not rival:
            return self.start()
        self.pause = _LONGEST_PAUSE * self._rounds * (1 + self._draw()) / 4096
        return []

    def _end(self, found: Found) -> list[Action]:
        self._waiting = {}
        self.found = found
        return []
