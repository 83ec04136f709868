"""What keeping one service's sessions is counted in: plain numbers, read by whoever asks."""

from bisect import bisect_left
from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from sessions.contract.searching import Where
from sessions.contract.settling import Settled

# Upper bounds in seconds; the last bucket has none.
SETTLE_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SEARCH_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_MOST_UNPROTECTED = 100_000
_SETTLED: Final = Settled.SETTLED  # bound once: of the enum it costs 70 ns


class Source(IntEnum):
    """Where the state of a session that moved came from."""

    OWN = 0  # the node that took it over held the newest itself
    PEER = 1
    STORE = 2
    NOBODY = 3  # it was new, or lost


class Histogram:
    """How often something took how long."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class Unprotected(NamedTuple):
    """A write with too few copies."""

    version: int
    until: float  # on the loop's clock: then its session is forgotten


class KeepingCounters:
    """Of one service."""

    __slots__ = (
        "conflicts",
        "ends",
        "lost",
        "moves",
        "searches",
        "searching",
        "settling",
        "stale",
        "told",
        "too_large",
        "unprotected",
        "writes",
    )

    def __init__(self) -> None:
        self.writes = [0] * len(Settled)  # by what became of them
        self.ends = [0] * len(Settled)
        self.conflicts = 0
        self.moves = [0] * len(Source)  # takeovers that were made
        self.lost = 0
        self.stale = 0
        self.too_large = 0  # writes whose state was above the limit
        self.searches = [0] * len(Where)  # by how they ended
        self.searching = Histogram(SEARCH_BOUNDS)
        self.settling = Histogram(SETTLE_BOUNDS)
        self.unprotected: dict[str, Unprotected] = {}  # the last writes of sessions, in order of `until`
        # Told of each write that becomes unprotected, or no longer is (`until` 0): session, version, until.
        self.told: Callable[[str, int, float], None] | None = None

    def settled(self, session_id: str, version: int, verdict: Settled, seconds: float, until: float) -> None:
        """A write has come to its end. `until`: when its session is forgotten, on the loop's clock."""
        self.writes[verdict] += 1
        self.settling.add(seconds)
        if self.unprotected and self.unprotected.pop(session_id, None) is not None:
            self._tell(session_id, version, 0.0)
        if verdict is _SETTLED:
            return
        if verdict is Settled.CONFLICT:
            self.conflicts += 1
        if verdict is Settled.UNPROTECTED:
            self.unprotected[session_id] = Unprotected(version, until)
            self._tell(session_id, version, until)
            if len(self.unprotected) > _MOST_UNPROTECTED:
                del self.unprotected[next(iter(self.unprotected))]

    def protected(self, session_id: str, version: int) -> None:
        """This version of a session was found to be held by all who should hold it."""
        known = self.unprotected.get(session_id)
        if known is not None and known.version <= version:
            del self.unprotected[session_id]
            self._tell(session_id, version, 0.0)

    def unprotected_now(self, now: float) -> int:
        """Sessions whose last write has fewer copies than it should."""
        waiting = self.unprotected  # in that order since each TTL is the same
        while waiting:
            first = next(iter(waiting))
            if waiting[first].until > now:
                break
            del waiting[first]
        return len(waiting)

    def _tell(self, session_id: str, version: int, until: float) -> None:
        if self.told is not None:
            self.told(session_id, version, until)
