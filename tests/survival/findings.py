"""What a run has found: what must not be, what may be at certain times, and counts."""

import asyncio
from collections import Counter
from typing import NamedTuple

CONTENDED = "changed elsewhere at the same time"


class Failure(NamedTuple):
    """A request that was not answered with 200."""

    began: float
    ended: float
    what: str
    status: int
    text: str
    parallel: bool  # its client had others under way

    @property
    def contended(self) -> bool:
        """Two proxies took the session over at once, each for a request of the same client: one gives in."""
        return self.parallel and self.status == 503 and CONTENDED in self.text

    @property
    def kind(self) -> str:
        return f"{self.status} {self.text.strip().splitlines()[0] if self.text.strip() else ''}"[:90]


class Loss(NamedTuple):
    """Acknowledged additions that a counter has no more."""

    at: float
    client: str
    session: str
    node: int  # where it was
    acknowledged: tuple[float, ...]  # when those were


class Window(NamedTuple):
    """A time in which something was not as it should be."""

    began: float
    ended: float
    what: str


class Findings:
    """Filled by clients and faults, read at the end. Times are the loop's."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.failures: list[Failure] = []
        self.losses: list[Loss] = []
        self.unprotected: list[float] = []
        self.faults: list[Window] = []  # while a fault was there and until all was well again
        self.bare: list[Window] = []  # while fewer nodes lived than copies need, or no store
        self.counts: Counter[str] = Counter()
        self.waits: list[float] = []  # seconds of every answered request

    def report(self, what: str) -> None:
        self.wrong.append(f"{asyncio.get_running_loop().time():.3f} {what}")

    def unexplained(self) -> list[Failure]:
        """Failures while nothing was wrong."""
        return [
            failure
            for failure in self.failures
            if not failure.contended
            and not any(w.began <= failure.ended and failure.began <= w.ended for w in self.faults)
        ]

    def unprotected_unexplained(self) -> list[float]:
        """Unprotected answers while there were nodes, or a store, to protect them."""
        return [at for at in self.unprotected if not any(w.began <= at <= w.ended for w in self.bare)]

    def summary(self) -> str:
        """For people: one block of lines."""
        kinds = Counter(failure.kind for failure in self.failures)
        waits = sorted(self.waits) or [0.0]
        lines = [
            f"answered {len(self.waits)}, p50 {waits[len(waits) // 2] * 1000:.1f} ms,"
            f" p99 {waits[len(waits) * 99 // 100] * 1000:.1f} ms, max {waits[-1] * 1000:.0f} ms;"
            f" failed {len(self.failures)}; unprotected {len(self.unprotected)};"
            f" lost {sum(len(loss.acknowledged) for loss in self.losses)} in {len(self.losses)} sessions",
            "faults: " + ", ".join(f"{w.what} {w.began:.1f} to {w.ended:.1f}" for w in self.faults),
            f"counts: {dict(self.counts)}",
            *(f"  {count} x {kind}" for kind, count in kinds.most_common(12)),
            *(f"  wrong: {what}" for what in self.wrong[:20]),
        ]
        return "\n".join(lines)
