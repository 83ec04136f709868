"""What control tells its workers, and what they tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from config.addresses import Address
from config.settings import Settings
from control.slots import Slot
from control.workers.board import Span
from control.workers.report import Report
from proxy.error_pages import ErrorPages
from routing.health import Standing
from routing.ring import Placed
from sessions.keeping.takeovers import Move

# From control.


class Hello(NamedTuple):
    """The first: which of how many it is; with the board's descriptor."""

    worker: int
    workers: int


class Sockets(NamedTuple):
    """Comes with descriptors of sockets that listen: `key` is what `Sites` calls them."""

    key: str


class StandIn(NamedTuple):
    """Accept for another worker, too, that is no more; comes with its sockets: by address, how many."""

    worker: int
    addresses: tuple[tuple[Address, int], ...]


class StandBack(NamedTuple):
    """It is there again."""

    worker: int


@dataclass(frozen=True)
class Plan:
    """Settings to go by from now on; the worker says `Taken` with its number when it does.

    `sketch`: a pickled one, which takes 20 ms to load where there are 1,000 nodes: not for the event loop.
    `standings`, `spans`: by service, as they are at this moment.
    """

    number: int
    sketch: bytes
    spans: Mapping[str, Span]
    standings: Mapping[str, tuple[Standing, ...]]


@dataclass(frozen=True)
class Sketch:
    """What can be told of a blueprint."""

    settings: Settings
    secrets: tuple[bytes, ...]
    slots: Mapping[str, tuple[Slot, ...]]
    placed: Mapping[str, Placed]
    error_pages: ErrorPages


class States(NamedTuple):
    """How the nodes of a service are; `down`: those whose exchanges without an answer end now."""

    service: str
    standings: tuple[Standing, ...]
    down: tuple[int, ...]


class Count(NamedTuple):
    """Answer with `Counted` and this number."""

    number: int


class Reopen(NamedTuple):
    """Open the access log's file anew."""


class Stop(NamedTuple):
    """Accept nobody, and end with the clients there are; `aside`: another process serves the others."""

    aside: bool


class Cut(NamedTuple):
    """End at once."""


class Ping(NamedTuple):
    """Whether it still goes round: answered with `Pong`."""


# From a worker.


class Taken(NamedTuple):
    """It goes by the plan of this number, and accepts clients where that says."""

    number: int


class Leaving(NamedTuple):
    """Others than control have told it to end: it accepts nobody any more, and ends with its clients."""


class Met(NamedTuple):
    """What requests and sessions met at a node; `what` is a method of `Watch`, `why` None where it asks for
    no reason."""

    service: str
    what: str
    node: int
    why: str | None = None


class Lost(NamedTuple):
    """A session's node could not serve it, and its state is nowhere else."""

    service: str
    session_id: str
    pin: int


class Moved(NamedTuple):
    service: str
    move: Move


class Unprotected(NamedTuple):
    """A write has too few copies, until its session is forgotten; 0: it has enough by now.

    Control tells the workers the latter, too, when it has seen so in the nodes' lists.
    """

    service: str
    session_id: str
    version: int
    until: float


class Logged(NamedTuple):
    """A warning, or worse, for the dashboard."""

    name: str
    level: int
    text: str


class Counted(NamedTuple):
    """`number`: of the question; 0: the last words of a worker that ends."""

    number: int
    report: Report


class Pong(NamedTuple):
    pass


FromControl = (
    Hello | Sockets | StandIn | StandBack | Plan | States | Unprotected | Count | Reopen | Stop | Cut | Ping
)
FromWorker = Taken | Leaving | Met | Lost | Moved | Unprotected | Logged | Counted | Pong
