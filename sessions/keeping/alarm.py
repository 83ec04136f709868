"""One timer for many deadlines, most of which are met: setting and cancelling one for each costs 15 us."""

import asyncio
from typing import Final, Protocol

STALL_SECONDS: Final = 0.05  # a timer that is late by more found this process asleep or busy
GRACE_SECONDS: Final = 0.05  # in which it hears what came meanwhile, which is not late


class Due(Protocol):
    """What has a deadline. It may put that off in `late`; else it is to be removed."""

    deadline: float  # of the loop's time

    def late(self, now: float) -> None: ...


class Alarm:
    """Tells each when its deadline has passed, and goes on until it is removed."""

    __slots__ = ("_at", "_dues", "_timer")

    def __init__(self) -> None:
        self._dues: dict[Due, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0  # when the timer rings

    def __len__(self) -> int:
        return len(self._dues)

    def add(self, due: Due) -> None:
        """Watch over it."""
        self._dues[due] = None
        if self._timer is None or due.deadline < self._at:
            self._set(due.deadline)

    def remove(self, due: Due) -> None:
        """No more. The timer stays: as like as not somebody comes before it rings."""
        self._dues.pop(due, None)

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self, in_time: bool = True) -> None:
        loop = asyncio.get_running_loop()
        now = max(loop.time(), self._at)  # a timer may ring a millisecond early
        if in_time and now - self._at > STALL_SECONDS:
            self._timer = loop.call_later(GRACE_SECONDS, self._ring, False)
            return
        self._timer = None
        for due in [due for due in self._dues if due.deadline <= now]:
            if due in self._dues:
                due.late(now)
        if self._dues:
            self._set(min(due.deadline for due in self._dues))
