"""How far copies are behind where answers do not wait for them (`ack: async`), and when they have to."""


class Lag:
    """The writes of a service that were let go before they were settled. `now` in monotonic seconds."""

    __slots__ = ("_began", "_longest", "_number")

    def __init__(self, max_lag_seconds: float) -> None:
        self._longest = max_lag_seconds
        self._began: dict[int, float] = {}  # in order of time
        self._number = 0

    def __len__(self) -> int:
        return len(self._began)

    def begin(self, now: float) -> int:
        """A write sets out to its copies. Returns its number, for `end`."""
        self._number += 1
        self._began[self._number] = now
        return self._number

    def end(self, number: int) -> None:
        """It is settled, or given up."""
        self._began.pop(number, None)

    def seconds(self, now: float) -> float:
        """The age of the oldest write that is not settled: what a crash at this moment can lose."""
        return now - next(iter(self._began.values())) if self._began else 0.0

    def exhausted(self, now: float) -> bool:
        """Whether an answer has to wait as with `ack: sync`, so that the lag stays within its bound."""
        return self.seconds(now) >= self._longest
