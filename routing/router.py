"""The decision: which node gets a request, and why."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from math import ceil
from zlib import crc32

from routing.arrivals import Arrivals, OwnArrivals
from routing.reasons import Reason
from routing.states import TAKES_NEW, NodeState, takes_pinned
from routing.view import NodeView, ServiceView

PIN_UNKNOWN = -1
PIN_GONE = -2  # its node is no longer configured

# A browser's first requests come in parallel, six of them over HTTP/1.1, and a bound of 1.25 x mean would
# tear them apart on an idle service, where two requests are already twice the mean.
TOGETHER = 6

Decision = tuple[int, Reason]
NOBODY: Decision = (-1, Reason.NONE)


class Router:
    """Decides for one service. Holds no clock, and no state of its own but where recent addresses went.

    `tried` is a bit mask of the node indices that this exchange has already tried; `inflight` the number of
    exchanges on each node. A decision is (node index, reason): (-1, NONE) where nobody may take the request.
    """

    __slots__ = (
        "_backups",
        "_everyone",
        "_homes",
        "_names",
        "_primaries",
        "_ramp",
        "_random",
        "_shares",
        "_sticky",
        "_sums",
        "arrivals",
        "view",
    )

    def __init__(self, view: ServiceView, random: Callable[[], float]) -> None:
        """`random`: from 0 up to 1, as random.random."""
        self._random = random
        self.arrivals: Arrivals = OwnArrivals()
        self._names: tuple[str, ...] = ()
        self.publish(view)

    def publish(self, view: ServiceView) -> None:
        """Decide by this view from now on."""
        self.view = view
        nodes = view.nodes
        names = tuple(node.name for node in nodes)
        if names != self._names:  # indices mean other nodes now
            self.arrivals.forget()
            self._names = names
        pinned = takes_pinned(view.contract)
        self._sticky = [
            (i, Reason.STICKY) if view.sticky and pinned[node.state] else None for i, node in enumerate(nodes)
        ]
        self._primaries = _mask(TAKES_NEW[node.state] and not node.backup for node in nodes)
        self._backups = _mask(TAKES_NEW[node.state] and node.backup for node in nodes)
        self._homes = _mask(not node.backup for node in nodes) or _mask(True for _ in nodes)
        self._everyone = self._primaries or self._backups
        self._shares = [node.share for node in nodes]
        self._sums = _sums(self._shares, self._everyone)
        self._ramp = _ramp(nodes, self._everyone)

    # Each of these decides for one kind of request.

    def decide(self, session_id: str, pin: int, inflight: Sequence[int], tried: int) -> Decision:
        """For a session that is known. `pin`: its node's index, PIN_UNKNOWN or PIN_GONE."""
        if pin >= 0:  # 0.1 us; the tuples are made by publish
            sticky = self._sticky[pin]
            if sticky is not None and not tried >> pin & 1:
                return sticky
        return self._decide_again(session_id, pin, inflight, tried)

    def decide_new(
        self, session_id: str, address: str, inflight: Sequence[int], now: float, tried: int
    ) -> Decision:
        """For a request without a session, which gets `session_id`.

        `address` is the client's ("" for unknown), `now` in monotonic seconds: requests of one address within
        two seconds go to one node while the bound allows, or fewer than six exchanges are on it.
        """
        open_nodes = self._open(tried)
        if not open_nodes:
            return NOBODY
        if not address:
            return self._choose(session_id, inflight, open_nodes), Reason.NEW
        place = self.arrivals.place(address, now)
        if place >= 0 and open_nodes >> place & 1:
            load = inflight[place]
            if load < TOGETHER or load < ceil(self._room(inflight, open_nodes) * self._shares[place]):
                return place, Reason.NEW
        node = self._choose(session_id, inflight, open_nodes)
        if place >= 0:
            self.arrivals.move(address, node)
        else:
            self.arrivals.remember(address, node, now)
        return node, Reason.NEW

    def decide_hashed(self, key: str, inflight: Sequence[int], tried: int) -> Decision:
        """For a key that somebody else makes: the first available node in its ring order.

        Bounded load does not apply, `inflight` is not looked at: nothing is pinned here, so a session whose
        node is passed over for its load would be lost, and back again when the load is another. Under
        `strict` only the first of all configured nodes will do, and it may be draining: the key is its pin.
        """
        if self.view.strict:
            home = next((node for node in self.view.ring.order(key) if self._homes >> node & 1), -1)
            if home < 0 or self._sticky[home] is None or tried >> home & 1:
                return NOBODY
            return home, Reason.HASHED
        open_nodes = self._open(tried)
        return (self._first_open(key, open_nodes), Reason.HASHED) if open_nodes else NOBODY

    def decide_balanced(self, inflight: Sequence[int], tried: int) -> Decision:
        """Without affinity: two nodes drawn by share, the one with fewer exchanges for its share wins.

        (Mitzenmacher, The Power of Two Choices, 2001. Drawn by share, an idle service keeps its weights too.)
        """
        open_nodes = self._open(tried)
        if not open_nodes:
            return NOBODY
        nodes, sums = self._sums if open_nodes == self._everyone else _sums(self._shares, open_nodes)
        at = bisect_right(sums, self._random() * sums[-1])
        below = sums[at - 1] if at else 0.0
        rest = self._random() * (sums[-1] - sums[at] + below)  # the second is drawn from all but the first
        if rest >= below:
            rest += sums[at] - below
        first, second = nodes[at], nodes[min(bisect_right(sums, rest), len(nodes) - 1)]
        if inflight[second] * self._shares[first] < inflight[first] * self._shares[second]:
            return second, Reason.BALANCED
        return first, Reason.BALANCED

    # Private.

    def _decide_again(self, session_id: str, pin: int, inflight: Sequence[int], tried: int) -> Decision:
        """Where a session goes whose pin cannot take it: first in ring order, whatever the load."""
        if not self.view.sticky:
            return self.decide_balanced(inflight, tried)
        if pin == PIN_UNKNOWN:
            return self.decide_new(session_id, "", inflight, 0.0, tried)
        open_nodes = self._open(tried)
        state = self.view.nodes[pin].state if pin >= 0 else NodeState.DOWN
        moves = (
            state is NodeState.DRAIN and self.view.contract
        )  # with its state: strict or not, nobody notices
        if not open_nodes or (self.view.strict and not moves):
            return NOBODY
        reason = Reason.DRAINED if moves or state is NodeState.MAINT else Reason.FAILOVER
        return self._first_open(session_id, open_nodes), reason

    def _open(self, tried: int) -> int:
        """Mask of the nodes that may be given something new: backups only while there is no other."""
        return self._primaries & ~tried or self._backups & ~tried

    def _first_open(self, key: str, open_nodes: int) -> int:
        return next(node for node in self.view.ring.order(key) if open_nodes >> node & 1)

    def _choose(self, session_id: str, inflight: Sequence[int], open_nodes: int) -> int:
        """The first open node in ring order that is below its bound and not passed over in its slow start."""
        ramp, room, late = self._ramp, 0.0, -1
        for node in self.view.ring.order(session_id):
            if not open_nodes >> node & 1:
                continue
            if inflight[node]:  # an idle node is always below its bound: mostly there is no need to add up
                room = room or self._room(inflight, open_nodes)
                if inflight[node] >= ceil(room * self._shares[node]):
                    continue
            if ramp is None or crc32(session_id.encode()) < ramp[node] * 2**32:
                return node
            late = node if late < 0 else late
        return late if late >= 0 else self._first_open(session_id, open_nodes)

    def _room(self, inflight: Sequence[int], open_nodes: int) -> float:
        """Exchanges that a node may have for each unit of share: bounded_load x mean, the new one in it.

        Rounded up for each node, somebody is always below it. (Mirrokni, Thorup and Zadimoghaddam, Consistent
        Hashing with Bounded Loads, 2016.)
        """
        nodes, sums = self._sums if open_nodes == self._everyone else _sums(self._shares, open_nodes)
        return self.view.bounded_load * (1 + sum(map(inflight.__getitem__, nodes))) / sums[-1]


def _mask(flags: Iterable[bool]) -> int:
    return sum(1 << i for i, flag in enumerate(flags) if flag)


def _sums(shares: Sequence[float], open_nodes: int) -> tuple[list[int], list[float]]:
    """The open nodes' indices, and their shares summed up so far."""
    nodes = [i for i, bit in enumerate(reversed(f"{open_nodes:b}")) if bit == "1"]  # linear, unlike shifting
    return nodes, list(accumulate(shares[i] for i in nodes))


def _ramp(nodes: Sequence[NodeView], open_nodes: int) -> list[float] | None:
    """The part of its new sessions that each node gets while an open one is in its slow start; else None.

    The bound alone would not slow a node down while exchanges are short and few. Relative to the fastest,
    since nodes that came up together have only each other.
    """
    factors = [node.share / node.weight for node in nodes]
    fastest = max((factor for i, factor in enumerate(factors) if open_nodes >> i & 1), default=1.0)
    ramp = [min(1.0, factor / fastest) for factor in factors]
    return ramp if any(part < 1.0 for i, part in enumerate(ramp) if open_nodes >> i & 1) else None
