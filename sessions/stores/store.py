"""What a store of sessions can be asked, and what it answers: the seam that each kind of store fills."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

# The `base` of a Put that may follow any version: the rule of the contract as it stands.
ANY_BASE = -1


class Put(NamedTuple):
    """Keep this state. Versions are from 1 to 2^53 - 1; `node` is the name of the node that wrote it.

    `base` is for writers that fenced nobody: the version that this state was made from. With it, what
    another lineage wrote is overwritten only where it is exactly that version.
    """

    id: str
    version: int
    state: bytes
    node: str
    ttl_seconds: float
    base: int = ANY_BASE


class Touch(NamedTuple):
    """Keep what is held of this session for longer."""

    id: str
    ttl_seconds: float


class Get(NamedTuple):
    """Tell what is held of this session."""

    id: str


class Fence(NamedTuple):
    """Take no write below `number` from now on, and tell what is held."""

    id: str
    number: int
    ttl_seconds: float


class End(NamedTuple):
    """Forget the state, and remember that the session is over."""

    id: str
    ttl_seconds: float


# A ttl only lengthens: what was to be kept for longer is kept for longer.
Operation = Put | Touch | Get | Fence | End


class Status(IntEnum):
    """What became of an operation."""

    TAKEN = 0  # done as asked
    SUPERSEDED = 1  # a later write of the same lineage is held: settled
    CONFLICT = 2  # below the fence, or somebody else wrote; a fence: not above what is held
    ENDED = 3  # the session is over
    UNKNOWN = 4  # no state of this session is held
    FAILED = 5  # the store could not do it: whether it has is not known


class Outcome(NamedTuple):
    """What became of an operation, and what is held now.

    `version` and `fence` are 0, and `node` and `state` empty, where there is none; `state` is filled
    only by a Get or a Fence that was TAKEN (a fence is also taken where nothing is held). `why` says in
    words what FAILED.
    """

    status: Status
    version: int = 0
    fence: int = 0
    node: str = ""
    state: bytes = b""
    why: str = ""


def size(operation: Operation) -> int:
    """The bytes that an operation adds to a batch, near enough."""
    return 100 + len(operation.state) if isinstance(operation, Put) else 100


def failed(operations: Sequence[Operation], why: str) -> list[Outcome]:
    """The outcomes of a batch that could not be run."""
    return [Outcome(Status.FAILED, why=why)] * len(operations)


class Store(Protocol):
    """A store of sessions, used from one event loop, one batch at a time (sessions.batching sees to that)."""

    name: str

    @property
    def up(self) -> bool:
        """Whether it answered when it was last asked."""

    @property
    def connections(self) -> int:
        """Changes with each one made: behind a new one may be a server that has forgotten something."""

    async def open(self) -> None:
        """Make ready. A server that is down is no error; what can never work raises StoreError."""

    async def run(self, batch: Sequence[Operation]) -> list[Outcome]:
        """One outcome for each operation, in order, within the store's timeout.

        Never raises for what the store cannot do: that is FAILED. Operations on different sessions are
        independent; those of one session in a batch are done in their order.
        """

    async def advice(self) -> list[str]:
        """Sentences on how this store is set up so that it can lose sessions; none is good news."""

    async def close(self) -> None:
        """Let go of connections and files."""


class StoreError(Exception):
    """A store that cannot work as configured; the message says what, and what is needed."""
