"""What a run has found: what must not be, what may be at certain times, and counts."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from tests.survival.access import Logged

# Until everybody knows that somebody has died, or is there again: what was on its way is met by that.
_USUAL = 0.1  # seconds that a write takes
REACTION = 0.5  # seconds
_STORE_REACTION = 1.0  # a store that did not answer is tried again every half second
_DISAGREE = 1.0  # seconds that one proxy may know a node to be back before another: between two probes
AFTERMATH = 3.0  # seconds: until a node that was taken for dead because of that is up again
STORE = "the store"  # as a victim
NODES = "every node"  # as a victim
_WITHOUT_STORE = ("not_found_yet", "unprotected")  # only the store has the session, or would have it
_WITHOUT_NODES = (
    "no_node",
    "connect_failed",
    "node_closed",
)  # nobody knows that they are down yet, or all do


class Failure(NamedTuple):
    """A request that was not answered with 200."""

    began: float
    ended: float
    what: str
    status: int
    text: str
    safe: bool  # it may be repeated: nothing is written by it
    parallel: bool  # its client had others under way
    ending: bool = False  # a login or logout was sent for its session, before or meanwhile
    logged: Logged | None = None  # what its proxy said; None: the proxy died

    def contended(self, sticky: bool) -> bool:
        """Two proxies took the session over at once, each for a request of the same client: one gives in.

        Its write may be part of what the other hands over or not, so nobody may say that it is kept; what may
        be sent twice goes on to who won, but where sessions are not sticky: there `on_conflict: fail` was
        asked for, also of who only reads and settles what it saw. A search that was refused four times ends,
        whatever it is for.
        """
        if self.fault == "conflict":
            return self.parallel and not (self.safe and sticky)
        return self.parallel and self.fault == "not_found_yet"

    @property
    def discarded(self) -> bool:
        """A write in a session that ended before its answer: nobody may be told that it is kept."""
        return self.ending and not self.safe and self.fault in ("conflict", "over")

    @property
    def begun(self) -> bool:
        """Its answer had begun when its node died, and its rest was not there."""
        return self.status == 0 and self.fault == "node_closed"

    @property
    def fault(self) -> str:
        return self.logged.fault if self.logged else "no answer"

    @property
    def kind(self) -> str:
        where = f" at node {self.logged.node}" if self.logged and self.logged.node else ""
        return f"{self.status} {self.fault}{where}{', which was safe to repeat' if self.safe else ''}"


class Blow(NamedTuple):
    """Somebody who, from `began` to `ended`, did not answer what was in flight there."""

    began: float
    ended: float
    victim: str  # the name of a node or a proxy, STORE or NODES
    least: float = 0.0  # seconds that a request must have taken to be met by that

    def explains(self, failure: Failure) -> bool:
        """Whether that was in flight there, and could not be repeated.

        Nobody knows at once that somebody does not answer, or does again: what came that little later was
        sent there too. A proxy that dies has logged nothing, and its clients do not ask again. Without the
        store, or without any node, a request that may be repeated has nobody to go to: only these faults.
        """
        reaction = _STORE_REACTION if self.victim == STORE else REACTION
        if failure.began > self.ended + reaction or failure.ended < self.began:
            return False
        if failure.ended - failure.began < self.least:
            return False
        if failure.logged is None:
            return self.victim.startswith("proxy")
        if self.victim == STORE:
            return failure.fault in _WITHOUT_STORE
        if self.victim == NODES:
            return failure.fault in _WITHOUT_NODES
        return failure.logged.node == self.victim and (failure.begun or not failure.safe)


class Loss(NamedTuple):
    """Acknowledged additions that a counter has no more."""

    at: float
    client: str
    session: str
    node: int  # where it was
    acknowledged: tuple[float, ...]  # when those were


class Window(NamedTuple):
    """A time in which something was not as it should be."""

    began: float
    ended: float
    what: str

    def met(self, began: float, ended: float) -> bool:
        """Whether what lasted from `began` to `ended` overlaps."""
        return self.began <= ended and began <= self.ended


class Write(NamedTuple):
    """A write whose answer has not come yet. `node`: where it is, by the client's token; below 0: unknown."""

    began: float
    node: int


class Strike(NamedTuple):
    """A fault that came. `held`: how many writes were held up just then, on purpose."""

    what: str
    held: int


class Findings:
    """Filled by clients and faults, read at the end. Times are the loop's."""

    def __init__(self, sticky: bool = True) -> None:
        """`sticky`: requests of one client that run side by side go to one node."""
        self.sticky = sticky
        self.wrong: list[str] = []
        self.stale: list[str] = []  # an answer said that only older state was left
        self.failures: list[Failure] = []
        self.losses: list[Loss] = []
        self.unprotected: list[Window] = []  # requests whose answer said so
        self.faults: list[Window] = []  # while a fault was there and until all was well again
        self.blows: list[Blow] = []
        self.late: list[Window] = []  # while the machine kept somebody from answering
        self.under_way: dict[str, Write] = {}  # by target
        self.strikes: list[Strike] = []
        self.bare: list[Window] = []  # while fewer nodes lived than copies need, or no store
        self.counts: Counter[str] = Counter()
        self.acknowledged: dict[str, int] = {}  # the version of each session that an answer has told
        self.waits: list[float] = []  # seconds of every answered request

    def report(self, what: str) -> None:
        self.wrong.append(f"{asyncio.get_running_loop().time():.3f} {what}")

    def struck(self, victim: str, began: float, least: float = 0.0) -> None:
        """Somebody did not answer from then until now."""
        self.blows.append(Blow(began, asyncio.get_running_loop().time(), victim, least))

    def look_up(self, logged: Mapping[str, Logged]) -> None:
        """Add what the proxies have logged of the failures, and set those apart that have to be."""
        told = [failure._replace(logged=logged.get(failure.what)) for failure in self.failures]
        self.failures = [failure for failure in told if not failure.discarded]
        self.counts["writes beside a login or logout"] += len(told) - len(self.failures)

    def unexplained(self) -> list[Failure]:
        """Failures of requests that were not in flight where somebody died, or could have been repeated."""
        return [each for each in self._strange() if not self.starved(each.began, each.ended)]

    def _strange(self) -> list[Failure]:
        """Those that nothing which was done here explains: the machine's, or ours."""
        return [
            failure
            for failure in self.failures
            if not (failure.contended(self.sticky) and self._disturbed(failure))
            and not any(blow.explains(failure) for blow in self.blows)
        ]

    def unprotected_unexplained(self) -> list[Window]:
        """Unprotected answers of requests that had nodes, or a store, to protect them all the time.

        Only while fewer nodes live than copies need, or the store is away, may one be answered so.
        """
        return [
            one
            for one in self.unprotected
            if not any(bare.met(one.began, one.ended) for bare in self.bare)
            and not self.starved(one.ended, one.ended)
        ]

    def _disturbed(self, failure: Failure) -> bool:
        """Whether two nodes may have served one session: by design, or as proxies disagreed on a fault."""
        return not self.sticky or any(
            fault.met(failure.began - _DISAGREE, failure.ended) for fault in self.faults
        )

    def starved(self, began: float, ended: float) -> bool:
        """Whether somebody did not get their time from the machine then, or shortly before.

        A node that the machine keeps from answering is taken for dead, as it has to be. Losses always count.
        """
        return any(late.met(began - AFTERMATH, ended) for late in self.late)

    def held_writes(self) -> list[Write]:
        """Writes that have waited for their answer for longer than they usually do."""
        now = asyncio.get_running_loop().time()
        return [write for write in self.under_way.values() if now - write.began >= _USUAL]

    def summary(self) -> str:
        """For people: one block of lines."""
        kinds = Counter(failure.kind for failure in self.failures)
        waits = sorted(self.waits) or [0.0]
        lines = [
            f"answered {len(self.waits)}, p50 {waits[len(waits) // 2] * 1000:.1f} ms,"
            f" p99 {waits[len(waits) * 99 // 100] * 1000:.1f} ms, max {waits[-1] * 1000:.0f} ms;"
            f" failed {len(self.failures)}; unprotected {len(self.unprotected)};"
            f" lost {sum(len(loss.acknowledged) for loss in self.losses)} in {len(self.losses)} sessions",
            "faults: " + ", ".join(map(self._told, self.faults, self.strikes)),
            f"counts: {dict(self.counts)}; late {len(self.late)} times,"
            f" {sum(late.ended - late.began for late in self.late):.1f} s in all, and only that explains"
            f" {len(self._strange()) - len(self.unexplained())} failures",
            *(f"  {count} x {kind}" for kind, count in kinds.most_common(12)),
            *(f"  wrong: {what}" for what in (*self.wrong, *self.stale)[:20]),
        ]
        return "\n".join(lines)

    def _told(self, window: Window, strike: Strike) -> str:
        held = f" with {strike.held} writes held" if strike.held else ""
        return f"{window.what}{held} {window.began:.1f} to {window.ended:.1f}"
