"""Where an exchange goes: whose it is, the node it is at, those it has tried, and its place there."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from proxy.faults import Fault, NodeFault
from proxy.https import redirect
from proxy.internal import is_internal
from proxy.pool import Waiter
from proxy.routes import Route
from proxy.upstream import Upstream
from routing.reasons import Reason
from sessions.ids import new_id
from sessions.visit import UNKNOWN, Visit

if TYPE_CHECKING:
    from proxy.delivery import Delivery

GATEWAY_ERRORS = (502, 503, 504)
_NOBODY = ("connect_failed", "node_down")  # it is being started again, as like as not
PAUSE_SECONDS: Final = 0.2  # before the nodes that all failed are asked again
PIN_AWAY = (Reason.FAILOVER, Reason.DRAINED)
_NO_REASON: Final = Reason.NONE  # bound once: of the enum it costs 80 ns
_DRAINED: Final = Reason.DRAINED


class Placement:
    """Asks the router, the pool and the retry budget for one exchange, and counts what they said."""

    __slots__ = (
        "_address",
        "_assigned",
        "_began",
        "_failures",
        "_tried",
        "_until",
        "node",
        "pin_away",
        "reason",
        "route",
        "service",
        "session_id",
        "tries",
        "visit",
    )

    def __init__(self, route: Route, visit: Visit, address: str, began: float) -> None:
        """`address`: the client's; `began`: monotonic seconds."""
        self.route = route
        self.service = service = route.service
        self.visit = visit
        self.session_id = visit.session_id or (new_id() if service.affinity.mints else "")
        self.node = -1
        self.reason = _NO_REASON
        self.pin_away = False  # also where the session has then moved further
        self.tries = 0
        self._tried = 0  # a bit for each node that has failed
        self._failures = 0  # without a pause
        self._until = 0.0  # when it is given up; 0: nothing has failed
        self._assigned = False  # counted among the node's exchanges
        self._address = address
        self._began = began

    def choose(self) -> None:
        """Find the node. Raises NodeFault (503) where nobody may take the request."""
        self.service.budget.request(self._began)
        self._decide()

    def choose_another(self, fault: NodeFault) -> float:
        """Find a node that has not failed. Where there is none now: seconds until it is to be called again.

        Raises `fault` where that takes too long, or the budget is used up; whoever has waited for a node that
        refuses connections needs none. Without a token it is for another session: the node that failed may
        serve one by the first id.
        """
        service, now = self.service, monotonic()
        refused = fault.reason in _NOBODY
        if self.visit.token is None and service.affinity.mints:
            self.session_id = new_id()
        self._failures += 1  # a node that asks for something has answered, and counts for nothing here
        if self._failures < service.options.tries:
            node, reason = self._choice()
            if node >= 0:
                if not (self._until and refused) and not service.budget.allow(now):
                    raise fault
                self._go(node, reason)
                service.counters.retries += 1
                return 0.0
        self._until = self._until or now + service.options.retry_seconds
        never = service.options.tries == 1 or service.budget.empty
        if never or not refused or now + PAUSE_SECONDS > self._until:
            raise fault
        self._tried = self._failures = 0
        return PAUSE_SECONDS

    def choose_anew(self) -> None:
        """Find the node of another session, since this one has ended. Raises NodeFault (503)."""
        self.session_id = new_id()
        self.visit = self.visit._replace(session_id="", pin=UNKNOWN, token=None)
        self._decide()

    def go_to(self, node: int) -> None:
        """The session turned out to be served there, or is to be taken over there."""
        if node != self.node:
            self.pin_away = self.pin_away or self.reason in PIN_AWAY
            self.node = node
            self.reason = Reason.MOVED
            self.service.counters.decisions[Reason.MOVED] += 1

    def take(self, exchange: Waiter[Upstream], once: bool) -> Upstream | None:
        """A connection to the node, or None: the exchange is told later. Raises NodeFault (503): queue full.

        `once`: the request must not be sent twice, so that a connection which may be at its end is not used.
        """
        service, node = self.service, self.node
        self.tries += 1
        pool = service.nodes[node].pool
        upstream = pool.acquire(exchange)
        while once and upstream is not None and upstream.readable():
            pool.released(upstream, False)
            upstream = pool.acquire(exchange)
        self._assigned = True
        service.inflight[node] += 1
        return upstream

    def leave(self, exchange: Waiter[Upstream], upstream: Upstream | None, reusable: bool = False) -> None:
        """Give back the connection, or the place in the queue for one."""
        if not self._assigned:
            return
        self._assigned = False
        self.service.inflight[self.node] -= 1
        if upstream is not None:
            upstream.end(reusable)
        else:
            self.service.nodes[self.node].pool.withdraw(exchange)

    def close_idle(self) -> None:
        """The node has closed a connection that waited idle: the others are no better."""
        self.service.nodes[self.node].pool.close_idle()

    def answered(self, status: int) -> None:
        """What an answer says about its node's health."""
        watcher = self.service.watcher
        if status >= 502 and status in GATEWAY_ERRORS:
            watcher.request_failed(self.node, f"answered {status}")
        elif watcher.suspicious[self.node]:
            watcher.request_passed(self.node)

    def failed(self, why: str) -> None:
        """What a missing answer says about it: once, however often one request is tried there."""
        self._tried |= 1 << self.node
        if not self._until:
            self.service.watcher.request_failed(self.node, why)

    def _decide(self) -> None:
        """Raises NodeFault (503) where nobody may take the request."""
        node, reason = self._choice()
        self._go(node, reason)
        if self.node < 0:
            raise NodeFault(503, "no_node", "No server is available for this right now.")

    def _go(self, node: int, reason: Reason) -> None:
        self.node, self.reason = node, reason
        self.service.counters.decisions[reason] += 1

    def _choice(self) -> tuple[int, Reason]:
        """The question that fits: of a pin, a foreign key, a new session, or none of them."""
        service, visit = self.service, self.visit
        if visit.token is None:
            return self._choice_for_stranger()
        # It waits for its own node, however full that is.
        chosen = service.router.decide(self.session_id, visit.pin, service.everywhere, self._tried)
        if chosen[1] is _DRAINED and self._must_stay():
            return visit.pin, Reason.STICKY
        return chosen

    def _must_stay(self) -> bool:
        """While its node drains, a session stays for the requests there whose writes a move would cut off."""
        service, pin = self.service, self.visit.pin
        return (
            service.keeper is not None
            and not self._tried >> pin & 1
            and service.keeper.busy(self.session_id, pin)
            and service.watcher.gives_time(pin, service.options.response_timeout)
        )

    def _choice_for_stranger(self) -> tuple[int, Reason]:
        service = self.service
        if self.session_id and not service.affinity.mints:
            return service.router.decide_hashed(self.session_id, service.everywhere, self._tried)
        full = service.full_nodes() if service.bounded else 0
        decision = self._ask_freely(self._tried | full)
        return self._ask_freely(self._tried) if decision[0] < 0 and full else decision

    def _ask_freely(self, tried: int) -> tuple[int, Reason]:
        router, inflight = self.service.router, self.service.everywhere
        if self.session_id:
            return router.decide_new(self.session_id, self._address, inflight, self._began, tried)
        return router.decide_balanced(inflight, tried)


def place(exchange: "Delivery") -> Placement:
    """Whose request it is. Raises Fault where it is nobody's, or belongs elsewhere."""
    engine, client, line, fields = exchange.engine, exchange.client, exchange.line, exchange.fields
    memory, peer, authority = client.memory, client.peer, line.authority or fields.host
    way = memory.way
    if way is not None and (way[0] is not line or way[1] != authority):
        way = None
    route = engine.routes.find(authority, line.path) if way is None else way[2]
    if route is None:
        raise Fault(404, "no_route", "No service is configured for this host and path.")
    if route.https_port and not engine.forwarding.secure(peer, fields):
        raise redirect(authority, route.https_port, line.target)
    if way is None:
        target = route.target(line.target)
        if target is not line.target:
            exchange.line = line.at(target)
        if is_internal(target):
            raise Fault(404, "internal", "This path is not served here.")
        memory.way = (line, authority, route, exchange.line)
    else:
        exchange.line = way[3]
    service = route.service
    service.counters.bytes_in += exchange.bytes_in
    address = engine.forwarding.client_address(peer, fields) if peer.trusted else peer.address
    return Placement(route, memory.visit(service, fields, engine.wall), address, exchange.began)
