"""Memory that the workers of a machine share: what each has to see of the others as it happens.

A row for each worker, that it alone writes to; all read all of them. Numbers are aligned, so that a reader
sees either the one before or the one after. A row of a worker that is no more is wiped.
"""

import mmap
import os
from collections.abc import Sequence
from typing import NamedTuple, overload

from proxy.sightings import SLOTS

PLACES = 65_536  # for nodes; memory that is never written to costs nothing
INT = 4  # bytes
ROW = PLACES * INT
TALLY = 64  # bytes for each worker's own numbers: a cache line
PRESENCES = 65_536  # places for sessions that nodes work on; 1% of them are taken by 650 at once
SHORT, LONG = 2, 8
PRESENCE = PRESENCES * SHORT


class Span(NamedTuple):
    """The places of one service's nodes: as many as it may ever have without moving."""

    base: int
    size: int


class BoardError(OSError):
    """There is no room; the message says what to do."""


class Sums(Sequence[int]):
    """By node, what all workers count."""

    def __init__(self, rows: Sequence[memoryview]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows[0])

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        total = 0
        for row in self._rows:
            total += row[index]
        return total


class Board:
    """As one process sees it. `descriptor`: of the memory, which `make_board` makes."""

    def __init__(self, descriptor: int, workers: int) -> None:
        self.descriptor = descriptor
        self.workers = workers
        self._memory = memoryview(mmap.mmap(descriptor, size_of(workers)))
        self._counts = self._memory[workers * TALLY :][: workers * ROW].cast("i")
        self._present = self._memory[workers * (TALLY + ROW) :][: workers * PRESENCE].cast("H")
        self._callers = self._memory[workers * (TALLY + ROW + PRESENCE) :][: workers * PRESENCE].cast("H")
        self._arrivals = self._memory[workers * (TALLY + ROW + 2 * PRESENCE) :][: PRESENCES * LONG].cast("Q")
        self._seen = self._memory[workers * (TALLY + ROW + 2 * PRESENCE) + PRESENCES * LONG :]

    def tally(self, worker: int) -> memoryview:
        """One number: how many connections clients have to it."""
        return self._memory[worker * TALLY :][:INT].cast("i")

    def inflight(self, worker: int, span: Span) -> memoryview:
        """By node of a service, the exchanges of one worker."""
        return self._counts[worker * PLACES + span.base :][: span.size]

    def everywhere(self, span: Span) -> Sums:
        """By node of a service, the exchanges of all."""
        return Sums([self.inflight(worker, span) for worker in range(self.workers)])

    def sightings(self, place: int) -> memoryview:
        """The slots of one node, which all workers write to: they only ever write ones."""
        return self._seen[place * SLOTS :][:SLOTS]

    def presence(self, worker: int) -> memoryview:
        """By place (`Presence`), the requests that nodes work on for one worker."""
        return self._present[worker * PRESENCES :][:PRESENCES]

    def addresses(self, worker: int) -> memoryview:
        """By place (`Crowd`), the connections that clients' addresses have to it."""
        return self._callers[worker * PRESENCES :][:PRESENCES]

    @property
    def arrivals(self) -> memoryview:
        """By place (`SharedArrivals`), which all workers write to."""
        return self._arrivals

    def wipe(self, worker: int) -> None:
        """Nothing of a worker that has ended is under way any more."""
        self._memory[worker * TALLY :][:TALLY] = bytes(TALLY)
        self._memory[self.workers * TALLY + worker * ROW :][:ROW] = bytes(ROW)
        for row in (self.presence(worker), self.addresses(worker)):
            row[:] = memoryview(bytes(PRESENCE)).cast("H")


class Allotment:
    """Which places each service has. None is ever another's: exchanges of what is gone may yet end there."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._spans: dict[str, Span] = {}
        self._next = 0

    def span(self, service: str, nodes: int) -> Span:
        """Room for so many nodes, and for more. Raises BoardError."""
        known = self._spans.get(service)
        if known is not None and nodes <= known.size:
            return known
        size = 1 << max(4, (2 * nodes - 1).bit_length())
        if self._next + size > PLACES:
            raise BoardError("too many services and nodes have come and gone: `limpet upgrade` makes room")
        span = self._spans[service] = Span(self._next, size)
        self._next += size
        for at in range(known.size if known is not None else 0):
            assert known is not None
            self._board.sightings(span.base + at)[:] = self._board.sightings(known.base + at)
        return span


def make_board(workers: int) -> Board:
    """Empty. Raises OSError."""
    descriptor = os.memfd_create("limpet-board", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, size_of(workers))
    return Board(descriptor, workers)


def size_of(workers: int) -> int:
    """Bytes."""
    return workers * (TALLY + ROW + 2 * PRESENCE) + PRESENCES * LONG + PLACES * SLOTS
