"""Where the first requests of one address went, whichever worker they came to."""

from control.workers.board import PRESENCES

WINDOW = 2000  # milliseconds, as in `OwnArrivals`
MOMENTS = 1 << 32
TAGS = NODES = 1 << 16


class SharedArrivals:
    """Of one service. A place holds, in one number that is written at once, until when (32 bits, in
    milliseconds), which node (16) and whose it is (16 bits of the address's hash, keyed and the same in all
    workers). Who comes to a taken place takes it: at worst a page's requests are spread.
    """

    def __init__(self, service: str, places: memoryview) -> None:
        self._service = service
        self._places = places

    def place(self, address: str, now: float) -> int:
        """The index of the address's node; -1 where it has none, or no longer. `now`: monotonic seconds."""
        at, tag = self._find(address)
        until, node, whose = _parts(self._places[at])
        left = (until - int(now * 1000)) % MOMENTS
        return node - 1 if whose == tag and 0 < left <= WINDOW else -1

    def remember(self, address: str, node: int, now: float) -> None:
        """Begin the address's window."""
        at, tag = self._find(address)
        self._places[at] = _number((int(now * 1000) + WINDOW) % MOMENTS, node + 1, tag)

    def move(self, address: str, node: int) -> None:
        """Another node for an address that has one; its window goes on."""
        at, tag = self._find(address)
        self._places[at] = _number(_parts(self._places[at])[0], node + 1, tag)

    def forget(self) -> None:
        """They are over before anybody has counted them, and an index that means nothing is passed over."""

    def _find(self, address: str) -> tuple[int, int]:
        found = hash((self._service, address))
        return found % PRESENCES, (found >> 40) % TAGS


def _number(until: int, node: int, tag: int) -> int:
    return (until * NODES + node) * TAGS + tag


def _parts(number: int) -> tuple[int, int, int]:
    rest, tag = divmod(number, TAGS)
    until, node = divmod(rest, NODES)
    return until, node, tag
