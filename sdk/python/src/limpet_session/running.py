"""Which sessions have requests under way, so that a fence can let them send their heads first."""

from collections import Counter
from collections.abc import Iterable
from threading import Lock


class Hold:
    """A fence that waits: nobody new is let into its sessions. Has to be ended once."""

    def __init__(self, running: "Running", ids: frozenset[str]) -> None:
        self.ids = ids
        self._running = running

    def clear(self) -> bool:
        """Whether all requests of these sessions are out. To be asked again and again: nobody calls."""
        return self._running.idle(self.ids)

    def end(self) -> None:
        """Let requests in again, whether all were out or not. The fence stands before this is called."""
        self._running.release(self)


class Running:
    """Requests between their admission and their response head, by session, in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._holds: list[Hold] = []

    def enter(self, session_id: str) -> bool:
        """Count a request in; False: a fence waits, so nobody is let in."""
        with self._lock:
            if any(session_id in hold.ids for hold in self._holds):
                return False
            self._counts[session_id] += 1
            return True

    def leave(self, session_id: str) -> None:
        """Count a request out: its head has been sent, or it has ended without."""
        with self._lock:
            self._counts[session_id] -= 1
            if not self._counts[session_id]:
                del self._counts[session_id]

    def hold(self, ids: Iterable[str]) -> Hold:
        """From now on nobody new is let into these sessions."""
        hold = Hold(self, frozenset(ids))
        with self._lock:
            self._holds.append(hold)
        return hold

    def release(self, hold: Hold) -> None:
        with self._lock:
            self._holds.remove(hold)

    def idle(self, ids: frozenset[str]) -> bool:
        """Whether none of these sessions has a request under way."""
        with self._lock:
            return not any(name in self._counts for name in ids)
