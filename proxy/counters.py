"""What the byte path counts: plain integers, read by whoever asks, written by one thread."""

from bisect import bisect_left

from routing.reasons import Reason

# Upper bounds in seconds of the request duration histogram; the last bucket has none.
DURATION_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# The same of how late the event loop is: finest about 5 ms, which nothing is to exceed.
DELAY_BOUNDS = (0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0)


class NodeCounters:
    """One node's share of a service's traffic."""

    __slots__ = ("answers",)

    def __init__(self) -> None:
        self.answers = [0] * 6  # by status class; 0: an exchange that ended without an answer of the node


class ServiceCounters:
    """One service's traffic, whichever node it went to."""

    __slots__ = (
        "affinity",
        "bytes_in",
        "bytes_out",
        "decisions",
        "duration_sum",
        "durations",
        "lost",
        "refused",
        "retries",
    )

    def __init__(self) -> None:
        self.decisions = [0] * len(Reason)
        self.affinity: dict[tuple[int, int, int], int] = {}  # (request, response, state) flags
        self.durations = [0] * (len(DURATION_BOUNDS) + 1)
        self.duration_sum = 0.0
        self.refused = [0] * 6  # answers that Limpet gave by itself, by status class
        self.retries = 0
        self.lost = 0  # sessions whose node was gone, with their state
        self.bytes_in = 0  # from clients
        self.bytes_out = 0  # to clients


class Delays:
    """A histogram of seconds by which something came late."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(DELAY_BOUNDS) + 1)
        self.seconds = 0.0

    def note(self, seconds: float) -> None:
        self.counts[bisect_left(DELAY_BOUNDS, seconds)] += 1
        self.seconds += seconds


class ProxyCounters:
    """What belongs to no service."""

    __slots__ = ("connections", "delays", "rejected", "stalls")

    def __init__(self) -> None:
        self.connections = 0  # open now
        self.rejected: dict[str, int] = {}  # by reason
        self.delays = Delays()  # of the event loop
        self.stalls = Delays()  # as much of them as was our own doing

    def reject(self, reason: str) -> None:
        """Count a request or connection that was refused before it reached a service."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
