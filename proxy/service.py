"""One service as it runs: its nodes with their pools, who decides between them, what is counted."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from proxy.counters import NodeCounters, ServiceCounters
from proxy.custody import Keeper
from proxy.dialer import Dialer, NodeAddress
from proxy.faults import NodeFault
from proxy.fields import FieldKinds
from proxy.options import Limits, ServiceOptions
from proxy.pool import Pool
from proxy.sightings import Sightings
from proxy.upstream import Upstream
from routing.budget import RetryBudget
from routing.router import Router
from routing.states import Membership
from routing.view import ServiceView
from sessions.affinity import Affinity
from sessions.lost import LostSessions


class Watcher(Protocol):
    """Who keeps the nodes' health, and is told what requests meet. `suspicious[i]`: failures in a row."""

    suspicious: list[int]

    def request_failed(self, node: int, why: str) -> None: ...

    def request_passed(self, node: int) -> None: ...

    def gives_time(self, node: int, seconds: float) -> bool:
        """Whether the requests that a node works on may end: it is up, or drains for less than `seconds`."""

    def contract_missing(self, node: int) -> None:
        """The node has answered as one that knows nothing of the session contract."""


class Connections(NamedTuple):
    """Of a node: with a request, without, not yet open; `queued`: exchanges that wait for one."""

    busy: int = 0
    idle: int = 0
    opening: int = 0
    queued: int = 0


class Settled(Protocol):
    """What all services share."""

    limits: Limits
    response_kinds: FieldKinds

    def dialer(self, address: NodeAddress, options: ServiceOptions) -> Dialer:
        """Who opens connections to a node."""


class Node:
    """A node's connections and counters."""

    __slots__ = (
        "address",
        "authority",
        "counters",
        "dialer",
        "elsewhere",
        "index",
        "name",
        "pool",
        "sightings",
    )

    def __init__(self, index: int, address: NodeAddress, dialer: Dialer, options: ServiceOptions) -> None:
        self.index = index
        self.name = address.name
        self.counters = NodeCounters()
        self.sightings = Sightings()
        self.elsewhere = Connections()  # those of other processes, where this one knows of them
        self._settle(address, dialer, options)

    @property
    def connections(self) -> Connections:
        """All that are known of."""
        pool, other = self.pool, self.elsewhere
        return Connections(
            len(pool.busy) + other.busy,
            len(pool.idle) + other.idle,
            pool.opening + other.opening,
            pool.queued + other.queued,
        )

    def move(self, address: NodeAddress, dialer: Dialer, options: ServiceOptions) -> None:
        """It is elsewhere from now on: its connections end with their exchanges."""
        waiting = self.pool.retire()
        self._settle(address, dialer, options)
        self.pool.take_over(waiting)

    def change(self, address: NodeAddress, options: ServiceOptions) -> None:
        """Other options for a node that is where it was."""
        self.address = address
        self.pool.change(options.pool_idle, address.max_connections, options.queue_length)

    def _settle(self, address: NodeAddress, dialer: Dialer, options: ServiceOptions) -> None:
        self.address = address
        self.authority = address.authority
        self.dialer = dialer
        self.pool: Pool[Upstream] = Pool(
            dialer.dial, options.pool_idle, address.max_connections, options.queue_length
        )
        dialer.pool = self.pool


class Service:
    """What an exchange asks: who is this, where to, over which connection."""

    __slots__ = (
        "affinity",
        "bounded",
        "budget",
        "counters",
        "everywhere",
        "inflight",
        "keeper",
        "lost",
        "name",
        "nodes",
        "options",
        "router",
        "watcher",
    )

    def __init__(
        self,
        name: str,
        addresses: Sequence[NodeAddress],
        engine: Settled,
        router: Router,
        affinity: Affinity,
        watcher: Watcher,
        budget: RetryBudget,
        options: ServiceOptions,
    ) -> None:
        self.name = name
        self.router = router
        self.affinity = affinity
        self.watcher = watcher
        self.budget = budget
        self.options = options
        self.counters = ServiceCounters()
        self.lost = LostSessions()
        self.keeper: Keeper | None = None  # where the nodes speak the session contract
        # Exchanges by node, those that wait for a connection among them: this process's, and all.
        self.inflight: list[int] | memoryview = [0] * len(addresses)
        self.everywhere: Sequence[int] = self.inflight
        self.bounded = any(address.max_connections for address in addresses)
        self.nodes = [
            Node(index, address, engine.dialer(address, options), options)
            for index, address in enumerate(addresses)
        ]

    def change(
        self,
        addresses: Sequence[NodeAddress],
        engine: Settled,
        affinity: Affinity,
        budget: RetryBudget,
        options: ServiceOptions,
    ) -> None:
        """Go by other settings; `addresses` by index, there may be more of them than before.

        Exchanges under way go on where they are, and a node that is where it was keeps its connections. Under
        the same options one whose address is the very same object is left alone: so a change of one node in
        1,000 takes no longer than that of one in ten.
        """
        renewed = options != self.options
        self.affinity, self.budget, self.options = affinity, budget, options
        self.bounded = any(address.max_connections for address in addresses)
        if len(self.inflight) < len(addresses):  # shared memory has room beforehand
            more = [0] * (len(addresses) - len(self.inflight))
            self.inflight = self.everywhere = [*self.inflight, *more]
        for index, address in enumerate(addresses):
            if index == len(self.nodes):
                self.nodes.append(Node(index, address, engine.dialer(address, options), options))
                continue
            node = self.nodes[index]
            if node.address is address and not renewed:
                continue
            if node.name != address.name:
                self.nodes[index] = Node(index, address, engine.dialer(address, options), options)
            elif node.address.place != address.place:
                node.move(address, engine.dialer(address, options), options)
            else:
                node.change(address, options)
                node.dialer.change(engine.response_kinds, engine.limits, options)

    def settle(self, engine: Settled) -> None:
        """What all services share has changed."""
        for node in self.nodes:
            node.dialer.change(engine.response_kinds, engine.limits, self.options)

    def count_in(self, inflight: memoryview, everywhere: Sequence[int]) -> None:
        """Count exchanges in memory that is shared. `everywhere` is what is decided by: what all count."""
        for index, count in enumerate(self.inflight):
            inflight[index] = count
        self.inflight, self.everywhere = inflight, everywhere

    @property
    def present(self) -> list[Node]:
        """The nodes that the configuration has, and those that have not yet left."""
        seen = self.router.view.nodes
        return [node for node in self.nodes if seen[node.index].membership is not Membership.GONE]

    def publish(self, view: ServiceView) -> None:
        """Take a new view of the nodes' states."""
        self.router.publish(view)

    def node_down(self, node: int) -> None:
        """End at once what waits for an answer's head from a node that was declared down."""
        pool = self.nodes[node].pool
        pool.close_idle()
        fault = NodeFault(504, "node_down", "The node went down before it answered.")
        for waiter in list(pool.waiting):
            pool.withdraw(waiter)
            waiter.not_connected(fault)
        for upstream in list(pool.busy):
            upstream.give_up_waiting(fault)

    def full_nodes(self) -> int:
        """A bit for each node at its `max_connections`."""
        return sum(1 << node.index for node in self.nodes if node.pool.full)
