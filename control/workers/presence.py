"""On which sessions nodes work for any worker: seen by all, so that nobody moves one under a write."""

from collections.abc import Sequence
from zlib import crc32

from control.workers.board import PRESENCES


class Presence:
    """Of one service. Sessions share places, seldom: then one that could move stays a little longer."""

    def __init__(self, service: str, own: memoryview | None, rows: Sequence[memoryview]) -> None:
        """`own`: where this process counts, None where it has no requests."""
        self._seed = crc32(service.encode())
        self._own = own
        self._rows = rows

    def came(self, session_id: str, node: int) -> None:
        """A request of the session is on its way to a node."""
        if self._own is not None:
            self._own[self._place(session_id, node)] += 1

    def left(self, session_id: str, node: int) -> None:
        """It is back."""
        if self._own is not None:
            self._own[self._place(session_id, node)] -= 1

    def busy(self, session_id: str, node: int) -> bool:
        """Whether any worker waits for the node's answer to a request of the session."""
        place = self._place(session_id, node)
        return any(row[place] for row in self._rows)

    def _place(self, session_id: str, node: int) -> int:
        return crc32(b"%s %d" % (session_id.encode(), node), self._seed) % PRESENCES
