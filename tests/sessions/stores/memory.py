"""The reference: what a store answers, written as plainly as can be, from section 4 of the contract.

It shares no code with the stores: `taken` is the rule as it is stated there, clause by clause.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sessions.stores.store import ANY_BASE, End, Fence, Get, Operation, Outcome, Put, Status, Touch


@dataclass(frozen=True)
class Record:
    version: int = 0
    state: bytes = b""
    node: str = ""
    fence: int = 0
    ended: bool = False
    expires: float = 0.0


def lineage(version: int) -> int:
    return version // 2**20


def kin(put: Put, held: Record) -> bool:
    """Of one lineage. Two who fence nobody may draw the same one."""
    return lineage(put.version) == lineage(held.version) and (put.base == ANY_BASE or put.node == held.node)


def taken(put: Put, held: Record) -> bool:
    """The clauses of section 4, and what `base` adds."""
    n = put.version
    if n < held.fence:
        return False
    if put.base != ANY_BASE and held.version and not kin(put, held):
        return held.version == put.base and n > held.version
    return (
        held.version == n - 1
        or (held.version < n and lineage(held.version) == lineage(n))
        or held.version < lineage(n) * 2**20
    )


class MemoryStore:
    """A dictionary that fills `sessions.stores.store.Store`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.name = "memory"
        self.up = True
        self.connections = 0
        self.records: dict[str, Record] = {}
        self._clock = clock

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def advice(self) -> list[str]:
        return []

    async def run(self, batch: Sequence[Operation]) -> list[Outcome]:
        return [self._do(operation) for operation in batch]

    def _do(self, operation: Operation) -> Outcome:
        held = self.records.get(operation.id, Record())
        if held.expires <= self._clock():
            held = Record()
        if isinstance(operation, End):
            self._keep(operation, Record(ended=True))
            return Outcome(Status.TAKEN)
        if held.ended:
            return Outcome(Status.ENDED)
        match operation:
            case Get():
                known = held.version > 0
                return self._tell(
                    Status.TAKEN if known else Status.UNKNOWN, held, held.state if known else b""
                )
            case Touch():
                if not held.version:
                    return self._tell(Status.UNKNOWN, held)
                self._keep(operation, held)
                return self._tell(Status.TAKEN, held)
            case Fence(_, number, _):
                if number <= held.version or number <= held.fence:
                    return self._tell(Status.CONFLICT, held)
                held = self._keep(operation, replace(held, fence=number))
                return self._tell(Status.TAKEN, held, held.state)
            case Put():
                return self._put(operation, held)

    def _put(self, put: Put, held: Record) -> Outcome:
        if held.version == put.version:
            if held.state != put.state:
                return self._tell(Status.CONFLICT, held)
            return self._tell(Status.TAKEN, self._keep(put, held))
        if put.version < held.version and kin(put, held):
            return self._tell(Status.SUPERSEDED, self._keep(put, held))
        if not taken(put, held):
            return self._tell(Status.CONFLICT, held)
        fresh = replace(held, version=put.version, state=put.state, node=put.node)
        return self._tell(Status.TAKEN, self._keep(put, fresh))

    def _keep(self, operation: Put | Touch | Fence | End, record: Record) -> Record:
        held = self.records.get(operation.id, Record())
        kept = replace(record, expires=max(held.expires, self._clock() + operation.ttl_seconds))
        self.records[operation.id] = kept
        return kept

    def _tell(self, status: Status, held: Record, state: bytes = b"") -> Outcome:
        return Outcome(status, held.version, held.fence, held.node, state)
