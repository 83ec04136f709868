"""Which sessions have requests under way, so that a fence can let them send their heads first."""

from collections.abc import Iterable
from threading import Lock
from typing import Protocol


class Crossing(Protocol):
    """The same between the processes of a node. It is called by one thread at a time, and never waits."""

    def enter(self, session_id: str) -> bool:
        """This process has a request of the session; False: another process holds it shut, so it has not."""

    def leave(self, session_id: str) -> None:
        """This process has none any more."""

    def shut(self, session_id: str) -> bool:
        """Let no other process enter; True too if that is so already. False: it cannot be had yet."""

    def empty(self, session_id: str) -> bool:
        """Whether no other process has a request of it. It is shut, and this process has none."""

    def open(self, session_id: str) -> None:
        """Let others enter again, whether it had been shut or not."""


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
    """Requests between their admission and their response head, by session."""

    def __init__(self, crossing: Crossing | None = None) -> None:
        """Without a crossing: those of this process only."""
        self._crossing = crossing
        self._lock = Lock()
        self._counts: dict[str, int] = {}
        self._holds: list[Hold] = []

    def enter(self, session_id: str) -> bool:
        """Count a request in; False: a fence waits, so nobody is let in."""
        with self._lock:
            if self._holds and self._held(session_id):
                return False
            others = self._counts.get(session_id, 0)
            if not others and self._crossing is not None and not self._crossing.enter(session_id):
                return False
            self._counts[session_id] = others + 1
            return True

    def leave(self, session_id: str) -> None:
        """Count a request out: its head has been sent, or it has ended without."""
        with self._lock:
            others = self._counts[session_id] - 1
            if others:
                self._counts[session_id] = others
            else:
                del self._counts[session_id]
                if self._crossing is not None:
                    self._crossing.leave(session_id)

    def hold(self, ids: Iterable[str]) -> Hold:
        """From now on nobody new is let into these sessions."""
        hold = Hold(self, frozenset(ids))
        with self._lock:
            self._holds.append(hold)
        return hold

    def release(self, hold: Hold) -> None:
        with self._lock:
            self._holds.remove(hold)
            if self._crossing is not None:
                for session_id in hold.ids:
                    if not self._held(session_id):
                        self._crossing.open(session_id)

    def idle(self, ids: frozenset[str]) -> bool:
        """Whether none of these sessions has a request under way. They are held."""
        with self._lock:
            busy = any(name in self._counts for name in ids)
            if self._crossing is None:
                return not busy
            # All are shut before any is waited for: many fences take as long as the slowest.
            shut = [self._crossing.shut(name) for name in ids]
            return all(shut) and not busy and all(self._crossing.empty(name) for name in ids)

    def _held(self, session_id: str) -> bool:
        return any(session_id in hold.ids for hold in self._holds)
