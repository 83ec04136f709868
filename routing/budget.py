"""How many requests may be tried again: enough for one bad node, too few to double an outage."""

from typing import Final

WINDOW_SECONDS: Final = 10


class RetryBudget:
    """Retries over the last ten seconds: at most `ratio` of the requests, or the minimum if that is more.

    The floor lets a quiet service retry at all; with a ratio of 0 there is none. (The shape is Finagle's and
    Linkerd's; Envoy's counts what is active now instead.)
    """

    __slots__ = ("_floor", "_ratio", "_requests", "_retries", "_second")

    def __init__(self, ratio: float, minimum_per_second: float = 3.0) -> None:
        self._ratio = ratio
        self._floor = minimum_per_second * WINDOW_SECONDS if ratio else 0.0
        self._requests = [0] * WINDOW_SECONDS
        self._retries = [0] * WINDOW_SECONDS
        self._second = 0

    @property
    def empty(self) -> bool:
        """Whether nothing may ever be tried again."""
        return not self._floor

    def request(self, now: float) -> None:
        """Count a request, not a retry. `now`: monotonic seconds."""
        second = int(now)
        if second != self._second:
            self._advance(second)
        self._requests[second % WINDOW_SECONDS] += 1

    def allow(self, now: float) -> bool:
        """Whether one more retry is within the budget; if so it is counted."""
        second = int(now)
        if second != self._second:
            self._advance(second)
        if sum(self._retries) + 1 > max(self._ratio * sum(self._requests), self._floor):
            return False
        self._retries[second % WINDOW_SECONDS] += 1
        return True

    def _advance(self, second: int) -> None:
        """Forget the seconds that have left the window."""
        for passed in range(max(self._second, second - WINDOW_SECONDS) + 1, second + 1):
            self._requests[passed % WINDOW_SECONDS] = self._retries[passed % WINDOW_SECONDS] = 0
        self._second = second
