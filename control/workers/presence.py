"""Which sessions nodes work on, and how many connections an address has: of all workers, by a hash."""

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


class Crowd:
    """Connections of addresses to the other workers. Addresses share places, which one client in thousands
    may feel, and no client can choose: hashes are keyed, and the same in all workers."""

    def __init__(self, own: memoryview, others: Sequence[memoryview]) -> None:
        self._own = own
        self._others = others

    def came(self, address: str) -> None:
        """One more to this worker."""
        self._own[hash(address) % PRESENCES] += 1

    def left(self, address: str) -> None:
        self._own[hash(address) % PRESENCES] -= 1

    def elsewhere(self, address: str) -> int:
        """How many it has to the others; more where it shares its place."""
        place = hash(address) % PRESENCES
        return sum([row[place] for row in self._others])
