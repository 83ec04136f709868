"""How late the event loop is: a beat that should come every 10 ms, and what this process did instead."""

import asyncio
import time
from collections.abc import Callable

from proxy.counters import Delays

BEAT_SECONDS = 0.01  # 100 beats a second: 1% of a core where nothing else wakes the process up


class Punctuality:
    """Compares when each beat came with when it was due, and with the CPU time spent meanwhile.

    What is due between two beats and is over before the second cannot be seen: a stall of 15 ms shows as
    something from 5 to 15 ms. `delays`: all lateness, whoever's fault, as requests feel it. `stalls`: as
    much of it as this process was computing, in any thread, since those take the interpreter from the loop:
    a machine that is busy with others makes delays, but no stalls. Times are monotonic seconds.
    """

    def __init__(
        self,
        delays: Delays,
        stalls: Delays,
        now: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self._delays = delays
        self._stalls = stalls
        self._now = now
        self._cpu = cpu
        self._due = 0.0
        self._spent = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """In the loop that is to be watched."""
        self._spent = self._cpu()
        self._await_beat(self._now())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def beat(self) -> None:
        """The time has come, or is over."""
        now, spent = self._now(), self._cpu()
        late = max(0.0, now - self._due)
        self._delays.note(late)
        self._stalls.note(min(late, spent - self._spent))
        self._spent = spent
        self._await_beat(now)

    def _await_beat(self, now: float) -> None:
        self._due = now + BEAT_SECONDS
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self.beat)
