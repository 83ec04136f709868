"""What a comparison found, as plain data: the table, the plot and the JSON are made of this alone."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SLICE_SECONDS = 0.25  # of the timeline


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds from a request to the end of its answer, as the client saw them; None without any."""

    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Slice:
    """A quarter of a second of one strategy: `at` in seconds from the beginning of the load."""

    at: float
    answered: int
    failed: int
    sessions_lost: int
    p50_ms: float | None
    slowest_ms: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, or was seen to have come about; seconds from the beginning of the load."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class NodeDeath:
    """What followed a SIGKILL. `failing_seconds`: until the end of the last request that failed; None without
    any. `copied_seconds`: until each session had its copy again; None where nodes have no copies."""

    sessions: int  # that were on the node
    failed: int
    failing_seconds: float | None
    copied_seconds: float | None


@dataclass(frozen=True, slots=True)
class StoreOutage:
    """What the strategy's users had of it. `recovered_seconds`: from the store's return until it has every
    write that users know of; None where the strategy does not use it."""

    failed: int
    writes: int  # answered meanwhile
    unprotected: int  # of these, those whose tokens say that only the node has them
    recovered_seconds: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """Of one strategy."""

    strategy: str
    sessions: int
    requests: int
    failed: int
    sessions_lost: int  # as the clients found
    sessions_lost_metric: int  # as limpet_sessions_lost_total has it
    writes_acknowledged: int
    writes_lost: int  # of these
    writes_unprotected: int  # answered without a copy, as their tokens say
    reads: Percentiles  # while nothing happened
    writes: Percentiles
    copied_bytes_per_write: float
    node_bytes_per_session: float | None  # all nodes together
    store_bytes_per_session: float | None  # None: it has no store
    node_death: NodeDeath
    store_outage: StoreOutage | None  # None: there was none
    timeline: tuple[Slice, ...]

    @property
    def agreed(self) -> bool:
        """Whether clients and metric count the same."""
        return self.sessions_lost == self.sessions_lost_metric


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run. `store`: what it was, and how it was taken away."""

    command: str
    began: str  # ISO 8601, UTC
    machine: str
    version: str
    seconds: float
    rate: float  # requests a second for each strategy
    late_ms: float  # how late the load itself was, at the 99th percentile: what is below this is noise
    store: str
    events: tuple[Event, ...]
    strategies: tuple[Found, ...]

    @property
    def agreed(self) -> bool:
        return all(found.agreed for found in self.strategies)

    def as_json(self) -> dict[str, Any]:
        """For `json.dumps`; the keys are those of these classes, and `agreed`."""
        return asdict(self) | {"agreed": self.agreed}


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least `share` (0 to 1) of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(1, -int(-share * len(ordered) // 1)) - 1] if ordered else None


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Of durations in seconds."""
    p50, p99 = (percentile(seconds, share) for share in (0.50, 0.99))
    return Percentiles(_milliseconds(p50), _milliseconds(p99))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
