"""One search per session, however many requests wait for it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from sessions.contract.searching import Found, Search, Where

W = TypeVar("W")

_TAKEN_OVER = (Where.TAKEOVER, Where.NEW, Where.LOST, Where.STALE)


class Flights(Generic[W]):
    """The searches of one service under way, each with those who wait for its end.

    The first to ask leads: it runs the search, and when that ends with a takeover its request carries it. The
    others wait until it is known to have arrived (the node answers, or a GET says that it serves it): sent
    alongside they would meet a node that does not serve it yet. `most`: searches at once.
    """

    __slots__ = ("_flights", "_most")

    def __init__(self, most: int = 1000) -> None:
        self._flights: dict[str, tuple[Search, list[W]]] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def full(self) -> bool:
        """Whether a new search has to be answered by 503."""
        return len(self._flights) >= self._most

    def join(self, session_id: str, expected: int, waiter: W, search: Callable[[], Search]) -> Search | None:
        """Lead a new search (it is returned, to be started), or wait for the one under way (None).

        `expected`: the version of the waiter's token, which the search then has to find too.
        """
        flight = self._flights.get(session_id)
        if flight is None:
            made = search()
            self._flights[session_id] = (made, [])
            return made
        flight[0].expected = max(flight[0].expected, expected)
        flight[1].append(waiter)
        return None

    def withdraw(self, session_id: str, waiter: W) -> None:
        """A waiter's client has gone."""
        flight = self._flights.get(session_id)
        if flight is not None and waiter in flight[1]:
            flight[1].remove(waiter)

    def searched(self, session_id: str, found: Found) -> list[W]:
        """The search has ended for its leader. Who else it ends for: nobody, before a takeover is made."""
        if found.where in _TAKEN_OVER:
            return []
        return self._flights.pop(session_id)[1]

    def arrived(self, session_id: str) -> list[W]:
        """The takeover has been made, or has failed, or the leader has gone: those who waited.

        After a takeover that was made they may be sent to its node at once; otherwise each joins anew.
        """
        flight = self._flights.pop(session_id, None)
        return [] if flight is None else flight[1]
