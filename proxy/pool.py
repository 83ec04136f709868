"""The connections to one node: which one a request gets, who waits, when a new one is opened.

Decides synchronously and does no I/O: opening a connection is asked of `dial`, which answers later with
`opened` or `failed`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from proxy.faults import NodeFault


class Connection(Protocol):
    """An upstream connection as its pool sees it."""

    def rest_idle(self) -> None:
        """Wait for the next request, for a bounded time."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Connection)


class Waiter(Protocol[C]):  # type: ignore[misc]  # invariant in use: a waiter is handed what the pool holds
    """An exchange in need of a connection."""

    def connected(self, connection: C) -> None: ...

    def not_connected(self, fault: NodeFault) -> None: ...


class Pool(Generic[C]):
    """At most `most` connections in use and being opened (None: no bound), at most `keep` idle ones.

    `idle` is a stack: the connection used last is the least likely to have been closed by the node.
    """

    __slots__ = ("busy", "dial", "idle", "keep", "most", "opening", "queue_length", "waiting")

    def __init__(
        self, dial: Callable[[], None], keep: int = 100, most: int | None = None, queue_length: int = 1000
    ) -> None:
        self.dial = dial
        self.keep = keep
        self.most = most
        self.queue_length = queue_length
        self.idle: list[C] = []
        self.busy: set[C] = set()
        self.opening = 0
        self.waiting: deque[Waiter[C]] = deque()

    def acquire(self, waiter: Waiter[C]) -> C | None:
        """An idle connection, or None: the waiter hears later. Raises NodeFault (503): the queue is full."""
        if self.idle:
            connection = self.idle.pop()
            self.busy.add(connection)
            return connection
        if self._has_room():
            self.waiting.append(waiter)
            self._open()
        elif self.queued < self.queue_length:
            self.waiting.append(waiter)
        else:
            raise NodeFault(503, "queue_full", "Too many requests wait for this node.")
        return None

    @property
    def queued(self) -> int:
        """How many wait for a connection that nobody is opening for them."""
        return max(0, len(self.waiting) - self.opening)

    @property
    def full(self) -> bool:
        """Whether a request would have to wait for another to end."""
        return not self.idle and not self._has_room()

    def withdraw(self, waiter: Waiter[C]) -> None:
        """The waiter has given up."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)

    def opened(self, connection: C) -> None:
        """A connection that was asked of `dial` is there."""
        self.opening -= 1
        self._give(connection)

    def failed(self, fault: NodeFault) -> None:
        """A connection that was asked of `dial` could not be opened: whoever waited longest is told."""
        self.opening -= 1
        if self.waiting:
            self.waiting.popleft().not_connected(fault)
        self._open_for_waiting()

    def released(self, connection: C, reusable: bool) -> None:
        """An exchange is done with a connection; one that cannot be used again is closed."""
        self.busy.discard(connection)
        if reusable:
            self._give(connection)
        else:
            connection.close()
            self._open_for_waiting()

    def forget(self, connection: C) -> None:
        """A connection is gone."""
        if connection in self.idle:
            self.idle.remove(connection)
        if connection in self.busy:
            self.busy.discard(connection)
            self._open_for_waiting()

    def retire(self) -> list[Waiter[C]]:
        """Keep no connection that is done with its exchange; those who wait are handed back."""
        self.keep = 0
        self.close_idle()
        waiting, self.waiting = list(self.waiting), deque()
        return waiting

    def take_over(self, waiting: Sequence[Waiter[C]]) -> None:
        """Those who waited for a connection of another pool."""
        self.waiting.extend(waiting)
        self._open_for_waiting()

    def change(self, keep: int, most: int | None, queue_length: int) -> None:
        """Other bounds; what is above them already goes when its exchange has ended."""
        self.keep, self.most, self.queue_length = keep, most, queue_length
        surplus = self.idle[: max(0, len(self.idle) - keep)]
        del self.idle[: len(surplus)]
        for connection in surplus:
            connection.close()
        self._open_for_waiting()

    def close_idle(self) -> None:
        """Close what waits idle: the node has closed one like it, or is gone."""
        idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()

    def _has_room(self) -> bool:
        return self.most is None or len(self.busy) + self.opening < self.most

    def _open(self) -> None:
        self.opening += 1
        self.dial()

    def _open_for_waiting(self) -> None:
        while self.opening < len(self.waiting) and self._has_room():
            self._open()

    def _give(self, connection: C) -> None:
        if self.waiting:
            self.busy.add(connection)
            self.waiting.popleft().connected(connection)
        elif len(self.idle) < self.keep:
            self.idle.append(connection)
            connection.rest_idle()
        else:
            connection.close()
