"""What all client connections of a process share."""

from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Protocol

from proxy.counters import ProxyCounters
from proxy.dialer import Dialer, NodeAddress
from proxy.error_pages import ErrorPages
from proxy.faults import Fault
from proxy.fields import request_kinds, response_kinds
from proxy.forwarding import Forwarding
from proxy.memory import Legacy
from proxy.options import Limits, ServiceOptions, Timeouts
from proxy.record import AccessLog
from proxy.routes import Route
from proxy.service import Service
from proxy.tracing import Tracing
from proxy.wheel import Timer, Wheel
from routing.table import RouteTable


class Connected(Protocol):
    """A client's connection."""

    def forget(self) -> None:
        """What it remembers of earlier requests may mean something else now."""

    def stop(self) -> None:
        """Close, at once or with the end of the exchange that is under way."""

    def cut(self) -> None:
        """Close at once."""


class Crowd(Protocol):
    """Connections of clients' addresses, where other processes serve clients, too."""

    def came(self, address: str) -> None: ...

    def left(self, address: str) -> None: ...

    def elsewhere(self, address: str) -> int: ...


class Engine:
    """Routes, limits, the timer wheel and the counters. `tick` is to be called every `TICK` seconds."""

    TICK = 0.1

    __slots__ = (
        "addresses",
        "affinity_headers",
        "clients",
        "counters",
        "crowd",
        "error_pages",
        "forwarding",
        "legacy",
        "limits",
        "log",
        "request_kinds",
        "response_kinds",
        "routes",
        "services",
        "stopping",
        "tallies",
        "tally",
        "timeouts",
        "tracing",
        "wall",
        "wheel",
    )

    def __init__(
        self,
        limits: Limits,
        timeouts: Timeouts,
        forwarding: Forwarding,
        error_pages: ErrorPages,
        affinity_headers: frozenset[bytes],
        failed: Callable[[Timer, Exception], None],
    ) -> None:
        """As `change`; `failed` hears of timers that break."""
        self.tracing: Tracing | None = None
        self.legacy = Legacy()
        self.change(limits, timeouts, forwarding, error_pages, affinity_headers)
        self.wheel = Wheel(monotonic(), failed, self.TICK)
        self.wall = int(time())  # unix seconds, as of the last tick
        self.counters = ProxyCounters()
        # Connections of clients: this process's, and by process those of all that share the limit.
        self.tally: list[int] | memoryview = [0]
        self.tallies: Sequence[Sequence[int]] = [self.tally]
        self.clients: set[Connected] = set()
        self.addresses: dict[str, int] = {}  # how many clients each has
        self.crowd: Crowd | None = None
        self.services: dict[str, Service] = {}
        self.routes: RouteTable[Route] = RouteTable([])
        self.log: AccessLog | None = None
        self.stopping = False  # no new requests; the ones under way end

    def change(
        self,
        limits: Limits,
        timeouts: Timeouts,
        forwarding: Forwarding,
        error_pages: ErrorPages,
        affinity_headers: frozenset[bytes],
    ) -> None:
        """Go by these. `affinity_headers`: the lower-case names that any service knows its sessions by."""
        self.limits = limits
        self.timeouts = timeouts
        self.forwarding = forwarding
        self.error_pages = error_pages
        self.affinity_headers = affinity_headers
        self._classify()
        self.response_kinds = response_kinds(affinity_headers)
        self.legacy.clear()

    def trace(self, tracing: Tracing | None) -> None:
        """Have exchanges that begin from now on traced, or no longer."""
        self.tracing = tracing
        self._classify()
        for client in self.clients:
            client.forget()

    def lead(self, routes: RouteTable[Route]) -> None:
        """Send requests by these routes, and to services that may have changed."""
        self.routes = routes
        self.legacy.clear()
        for client in self.clients:
            client.forget()

    def dialer(self, address: NodeAddress, options: ServiceOptions) -> Dialer:
        """Who opens connections to a node."""
        return Dialer(address, options, self.wheel, self.response_kinds, self.limits)

    def admit(self, address: str) -> Fault | None:
        """Count a client's connection, until `leave`; what is wrong where it is one too many.

        `address`: "" where it has none, or is not yet known.
        """
        limits, counters = self.limits, self.counters
        counters.connections += 1
        self.tally[0] = counters.connections
        mine = self.addresses[address] = self.addresses.get(address, 0) + 1
        most = limits.connections_per_address
        connected = 0
        for tally in self.tallies:  # half the price of `sum` of a list
            connected += tally[0]
        if connected > limits.connections:
            return Fault(503, "connections", "Too many connections.")
        if self.crowd is not None and address:
            self.crowd.came(address)
            mine += self.crowd.elsewhere(address)
        if most is not None and address and mine > most:
            return Fault(429, "connections_per_address", "Too many connections from this address.")
        return None

    def leave(self, address: str) -> None:
        """A client's connection is closed."""
        self.counters.connections -= 1
        self.tally[0] = self.counters.connections
        if self.crowd is not None and address:
            self.crowd.left(address)
        left = self.addresses.get(address, 0) - 1
        if left > 0:
            self.addresses[address] = left
        else:
            self.addresses.pop(address, None)

    def stop(self) -> None:
        """Begin nothing new: idle clients are closed now, the others after the answer they wait for."""
        self.stopping = True
        for client in list(self.clients):
            client.stop()

    def step_aside(self) -> None:
        """Another process has the listeners: each connection ends with the answer to its next request."""
        self.stopping = True

    def cut(self) -> None:
        """Close every client at once."""
        for client in list(self.clients):
            client.cut()

    def tick(self) -> None:
        """Look at the clocks and at what is due.

        Where this process stood still, or had too much to do, sockets hold what came in time and has not been
        read. So a tick that comes late ends only what was to end by the one before.
        """
        self.wall = int(time())
        now, before = monotonic(), self.wheel.now
        self.wheel.advance(now, before if now - before > 2 * self.TICK else now)

    def _classify(self) -> None:
        request_id = self.forwarding.request_id.lower()
        self.request_kinds = request_kinds(self.affinity_headers, request_id, self.tracing is not None)
