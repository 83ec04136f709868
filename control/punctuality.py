"""How late the event loop is: a beat that should come every 50 ms, and what this process did instead."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from proxy.counters import Delays

# How long a thread that computes (a store's, say) may keep the interpreter from the event loop: Python's
# own 5 ms would be added to each turn of the loop for as long as the thread goes on.
SWITCH_SECONDS = 0.0005

# When Python looks for garbage that holds itself. With its own (700, 10, 10), a look at what is not yet old
# took up to 5 ms beside a reload. It is done as often as before, with fewer objects each time.
COLLECTIONS = (700, 4, 25)

# 20 a second: 0.4% of a core where nothing else wakes the process up. 100 took 2%, and were an eighth of what
# a request cost at 300 of them a second.
BEAT_SECONDS = 0.05


def be_punctual() -> None:
    """Have Python itself keep nothing waiting for long; for the whole process."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*COLLECTIONS)


class Punctuality:
    """Compares when each beat came with when it was due.

    A sample: what begins after a beat and is over before the next is not seen. Of stalls of 15 ms three in
    ten are, as anything up to 15 ms; of those above 50 ms each. `delays`: all lateness, whoever's fault, as
    requests feel it. `stalls`: as much of it as this process was computing, in any thread, since those take
    the interpreter from the loop: a machine that is busy with others makes delays, but no stalls.
    `now`, `cpu`: monotonic seconds, of the wall and of this
    process's work; `waited`: seconds for which the loop's thread could have run and somebody else did.
    """

    def __init__(
        self,
        delays: Delays,
        stalls: Delays,
        now: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
        waited: Callable[[], float] | None = None,
    ) -> None:
        self._delays = delays
        self._stalls = stalls
        self._now = now
        self._cpu = cpu
        self._waited = waited or Waiting().seconds
        self._due = 0.0
        self._before = (0.0, 0.0)  # `cpu` and `waited` at the last beat
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """In the loop that is to be watched."""
        self._before = self._cpu(), self._waited()
        self._await_beat(self._now())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def beat(self) -> None:
        """The time has come, or is over."""
        now, cpu, waited = self._now(), self._cpu(), self._waited()
        worked, kept = cpu - self._before[0], waited - self._before[1]
        late = max(0.0, now - self._due)
        self._delays.note(late)
        self._stalls.note(max(0.0, min(late - kept, worked)))
        self._before = cpu, waited
        self._await_beat(now)

    def _await_beat(self, now: float) -> None:
        self._due = now + BEAT_SECONDS
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self.beat)


class Waiting:
    """How long this process's first thread has waited for a processor, as Linux counts it (proc(5)).

    Elsewhere 0, and a busy machine is taken for work of our own.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        with suppress(OSError):
            self._file = os.open("/proc/self/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def seconds(self) -> float:
        """1.3 us, since the file stays open."""
        if self._file is None:
            return 0.0
        return int(os.pread(self._file, 64, 0).split()[1]) / 1e9
