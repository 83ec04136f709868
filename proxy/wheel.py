"""One timer wheel for the process: each connection's time limits at the price of an attribute store."""

import math
from collections.abc import Callable
from typing import Final, Protocol

NEVER: Final = math.inf


class Timer(Protocol):
    """Something with a time limit: set both to `NEVER` at first, and write to neither.

    Hashed by identity. `deadline`: when it expires. `due`: when the wheel looks at it next, never later
    than a tick after the deadline.
    """

    deadline: float
    due: float

    def expired(self, now: float) -> None:
        """Called at most once for each `arm`: never early and, with regular ticks, at most two late."""


class Wheel:
    """Timers in buckets by the tick at which to look at them; all times are monotonic seconds.

    A deadline that moves later costs nothing: the timer is looked at when it was due anyway, and put into
    its new bucket then. Nothing here ticks: somebody calls `advance` about every `granularity` seconds.
    `failed` is told of an exception in a timer's `expired`; the others are looked at all the same.
    """

    __slots__ = (
        "_buckets",
        "_failed",
        "_granularity",
        "_last_bucket",
        "_last_deadline",
        "_last_due",
        "_tick",
        "now",
    )

    def __init__(
        self,
        now: float,
        failed: Callable[[Timer, Exception], None],
        granularity: float = 0.1,
        horizon: float = 60.0,
    ) -> None:
        self.now = now  # as of the last `advance`, for who needs it no better than a tick
        self._failed = failed
        self._granularity = granularity
        self._tick = math.floor(now / granularity)
        # Dicts for their order; a timer is in one bucket at most.
        self._buckets: list[dict[Timer, None]] = [{} for _ in range(math.ceil(horizon / granularity) + 1)]
        # Where the last timer went. New connections of one tick have one deadline: half a microsecond less.
        self._last_deadline = NEVER
        self._last_due = NEVER
        self._last_bucket = self._buckets[0]

    def arm(self, timer: Timer, deadline: float) -> None:
        """Expire at `deadline`, and not at any earlier said one."""
        timer.deadline = deadline
        if timer.due - self._granularity >= deadline:  # else it is in its bucket, or in an earlier one
            self._put(timer)

    def disarm(self, timer: Timer) -> None:
        """Do not expire. The wheel still holds the timer until it is due: see `forget`."""
        timer.deadline = NEVER

    def forget(self, timer: Timer) -> None:
        """Do not expire, and be held no longer: for a connection that is closed."""
        timer.deadline = NEVER
        if timer.due != NEVER:
            self._take(timer)
            timer.due = NEVER

    def advance(self, now: float, heard: float = NEVER) -> None:
        """Calls `expired` on every timer whose deadline is not after `now`, nor after `heard`: whatever may
        have kept a timer from expiring later than that has not been looked at."""
        until = min(now, heard)
        tick = math.floor(until / self._granularity)
        self._last_deadline, self._last_bucket = NEVER, self._buckets[0]
        due: list[Timer] = []
        for passed in range(max(self._tick + 1, tick + 1 - len(self._buckets)), tick + 1):
            slot = passed % len(self._buckets)
            if self._buckets[slot]:
                due.extend(self._buckets[slot])
                self._buckets[slot] = {}
        self.now = now
        self._tick = max(tick, self._tick)
        self._look(due, until)

    def _look(self, timers: list[Timer], now: float) -> None:
        """Expires or puts back each; one that a callback has moved or forgotten meanwhile is let be."""
        looked_at = max(now, self._tick * self._granularity)  # the product may be an ulp above now
        for timer in timers:
            if timer.due > looked_at:
                continue
            timer.due = NEVER
            if timer.deadline > now:
                if timer.deadline != NEVER:
                    self._put(timer)
                continue
            timer.deadline = NEVER
            try:
                timer.expired(now)
            except Exception as error:  # noqa: BLE001  the boundary: one connection's fault is not all others'
                self._failed(timer, error)

    def _put(self, timer: Timer) -> None:
        if timer.due != NEVER:
            self._take(timer)
        if timer.deadline != self._last_deadline:
            self._find_bucket(timer.deadline)
        timer.due = self._last_due
        self._last_bucket[timer] = None

    def _find_bucket(self, deadline: float) -> None:
        last = self._tick + len(self._buckets)
        if deadline >= last * self._granularity:  # beyond the horizon: looked at there, put again
            tick = last
        else:
            tick = max(self._tick + 1, math.ceil(deadline / self._granularity))
        self._last_deadline = deadline
        self._last_due = tick * self._granularity
        self._last_bucket = self._buckets[tick % len(self._buckets)]

    def _take(self, timer: Timer) -> None:
        tick = int(timer.due / self._granularity + 0.5)
        self._buckets[tick % len(self._buckets)].pop(timer, None)
