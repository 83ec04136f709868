"""Which sessions have requests under way, so that a fence can let them send their heads first."""

from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock


class Wait:
    """A fence that waits: nobody new is let into its sessions, and `idle` is called when all are out."""

    def __init__(self, running: "Running", ids: frozenset[str], idle: Callable[[], object]) -> None:
        self.ids = ids
        self._running = running
        self._idle = idle

    def end(self) -> None:
        """Stop waiting, whether all are out or not. The fence stands before this is called."""
        self._running.stop(self)

    def notify(self) -> None:
        """Called once, from whichever thread was the last to leave."""
        self._idle()


class Running:
    """Requests between their admission and their response head, by session, in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._waits: list[Wait] = []

    def enter(self, session_id: str) -> bool:
        """Count a request in; False: a fence waits, so nobody is let in."""
        with self._lock:
            if any(session_id in wait.ids for wait in self._waits):
                return False
            self._counts[session_id] += 1
            return True

    def leave(self, session_id: str) -> None:
        """Count a request out: its head has been sent, or it has ended without."""
        with self._lock:
            self._counts[session_id] -= 1
            if self._counts[session_id] > 0:
                return
            del self._counts[session_id]
            idle = [wait for wait in self._waits if session_id in wait.ids and not self._busy(wait.ids)]
        for wait in idle:
            wait.notify()

    def wait(self, ids: Iterable[str], idle: Callable[[], object]) -> Wait | None:
        """Wait for the requests of these sessions; None: there are none. `idle` may come from any thread."""
        with self._lock:
            wait = Wait(self, frozenset(ids), idle)
            if not self._busy(wait.ids):
                return None
            self._waits.append(wait)
            return wait

    def stop(self, wait: Wait) -> None:
        """Let requests in again."""
        with self._lock:
            self._waits.remove(wait)

    def _busy(self, ids: frozenset[str]) -> bool:
        return any(name in self._counts for name in ids)
