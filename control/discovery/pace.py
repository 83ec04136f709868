"""When to look again, by a clock that others read: after an answer's TTL, and after a failure ever later."""

LONGEST_RETRY = 15.0  # seconds: who cannot be asked now may be back at any moment


class Pace:
    """Of one service. `at_least`, `at_most`: bounds for a TTL. All in seconds."""

    def __init__(self, at_least: float, at_most: float) -> None:
        self._at_least = at_least
        self._at_most = at_most
        self._failures = 0

    def found(self, ttl: float) -> float:
        """How long to wait after an answer that is good for `ttl`."""
        self._failures = 0
        return min(max(ttl, self._at_least), self._at_most)

    def failed(self) -> float:
        """How long to wait after a failure: the shortest time, and twice as long each time."""
        wait = self._at_least * 2.0 ** min(self._failures, 20)
        self._failures += 1
        return min(wait, max(self._at_least, min(self._at_most, LONGEST_RETRY)))
