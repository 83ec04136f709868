"""Where the first requests of one address went: a browser's first page belongs on one node."""

from typing import Protocol


class Arrivals(Protocol):
    """The node that an address was given, for a while."""

    def place(self, address: str, now: float) -> int: ...

    def remember(self, address: str, node: int, now: float) -> None: ...

    def move(self, address: str, node: int) -> None: ...

    def forget(self) -> None:
        """Indices mean other nodes now."""


class OwnArrivals:
    """The node that an address was given, for `window` seconds from the first request.

    Not from the last: an office behind one address is spread anew every two seconds. At most `limit`
    addresses are kept, the oldest are forgotten first.
    """

    __slots__ = ("_limit", "_places", "_window")

    def __init__(self, window: float = 2.0, limit: int = 8192) -> None:
        self._window = window
        self._limit = limit
        self._places: dict[str, tuple[int, float]] = {}  # in order of their end, since all last equally long

    def __len__(self) -> int:
        return len(self._places)

    def place(self, address: str, now: float) -> int:
        """The index of the address's node; -1 where it has none, or no longer."""
        node, until = self._places.get(address, (-1, 0.0))
        return node if now < until else -1

    def remember(self, address: str, node: int, now: float) -> None:
        """Begin the address's window."""
        places = self._places
        places.pop(address, None)
        places[address] = (node, now + self._window)
        self._forget(now)

    def move(self, address: str, node: int) -> None:
        """Another node for an address that has one; its window goes on."""
        self._places[address] = (node, self._places[address][1])

    def forget(self) -> None:
        """All of them."""
        self._places.clear()

    def _forget(self, now: float) -> None:
        """Take at most two of the oldest for each one added: memory follows the load at a constant cost."""
        places = self._places
        for _ in range(2):
            oldest = next(iter(places))
            if len(places) <= self._limit and places[oldest][1] > now:
                return
            del places[oldest]
