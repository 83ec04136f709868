"""When a worker that ended is started again: at once, unless that happens again and again."""

STEADY_SECONDS = 60.0  # who served for so long did not end of what it does at the start
FIRST_SECONDS, LONGEST_SECONDS = 1.0, 30.0


class Backoff:
    """Of one worker. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._again = 0  # ends without a steady time between them

    def wait(self, lived: float) -> float:
        """It has ended after so many seconds; the seconds until the next is to be started."""
        if lived >= STEADY_SECONDS:
            self._again = 0
        self._again += 1
        return min(FIRST_SECONDS * 2.0 ** (self._again - 2), LONGEST_SECONDS) if self._again > 1 else 0.0
