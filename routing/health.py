"""What state each node is in: by its probes, by how its requests went, by what the operator asked for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf
from typing import NamedTuple

from routing.states import TAKES_NEW, TAKES_PINNED, Membership, Mode, NodeState
from routing.view import ServiceView

REMOVED = "no longer in the configuration"
UNFOUND = "no longer found"
NO_CONTRACT = "no contract: it does not answer as one that keeps sessions"
SLOW_START_STEPS = 10  # the share rises from a tenth, a tenth at a time


@dataclass(frozen=True, slots=True)
class HealthRules:
    """Durations in seconds."""

    fall: int = 3  # failed probes in a row that take a node down
    rise: int = 2  # answered probes in a row that bring it back
    failures: int = 5  # failed requests in a row that eject it
    base: float = 30.0  # the first ejection; the second lasts twice as long
    longest: float = 300.0
    slow_start: float = 0.0
    contract: bool = False  # its nodes speak the session contract: one that comes back is syncing first
    discovered: bool = (
        False  # its nodes are found: one that goes was not drained before, and keeps its sessions
    )


class Probed(IntEnum):
    PASSING = 0
    DRAINING = 1  # 404 from the health path: the app asks for no new sessions
    FAILING = 2


class Standing(NamedTuple):
    """What another process has to know of a node, and cannot find out by itself; as in `NodeHealth`."""

    state: NodeState
    why: str
    since: float
    factor: float
    answering: bool
    away_since: float
    returns: int
    behind: bool
    mute: str
    mode: Mode
    deadline: float
    ejections: int
    suspicious: int


class NodeHealth:
    """One node. `now` is in monotonic seconds; `since` is when `state` last changed, `why` is its cause.

    `answering`: it passes, whatever its mode, and is asked for sessions; `away_since` is when it ceased to.
    `deadline`: of the operator's drain. `returns`: how often it has come back; `mute`: why it can have
    no part in the session contract, "" where it can.
    """

    __slots__ = (
        "_alive",
        "_back_at",
        "_complaint",
        "_ejected_for",
        "_failed",
        "_known",
        "_probed",
        "_rules",
        "_share_from",
        "answering",
        "away_since",
        "behind",
        "deadline",
        "ejected_until",
        "ejections",
        "factor",
        "membership",
        "mode",
        "mute",
        "returns",
        "since",
        "state",
        "why",
    )

    def __init__(self, rules: HealthRules, now: float) -> None:
        self._rules = rules
        self._probed = Probed.PASSING
        self._known = False  # no probe has been answered yet: one decides, either way
        self._alive = self._failed = 0  # probes in a row
        self._complaint = ""  # of the last failed probe
        self._ejected_for = ""
        self.deadline = inf  # of the operator's drain
        self._back_at = now  # from the last ejection
        self._share_from = -inf  # when the slow start began
        self.behind = False  # it does not know yet what moved on without it
        self.answering = True
        self.away_since = inf
        self.returns = 0
        self.mute = ""
        self.mode = Mode.READY
        self.membership = Membership.MEMBER
        self.ejections = 0
        self.ejected_until = -inf
        self.factor = 1.0
        self.state = NodeState.UP
        self.why = ""
        self.since = now

    def probe_answered(self, now: float, draining: bool) -> None:
        """A probe passed, or was answered 404 (`draining`)."""
        self._failed = 0
        self._alive += 1
        if self._probed is not Probed.FAILING or self._alive >= (self._rules.rise if self._known else 1):
            self._probed = Probed.DRAINING if draining else Probed.PASSING
        self._known = True
        if not draining:
            self.end_ejection(now)

    def probe_failed(self, why: str) -> None:
        self._alive = 0
        self._failed += 1
        if self._failed >= (self._rules.fall if self._known else 1):
            self._probed = Probed.FAILING
        self._complaint = why

    def eject(self, now: float, why: str) -> None:
        """Take it out for `base` x times ejected; each `base` spent in service takes one off that number."""
        rules = self._rules
        forgiven = int((now - self._back_at) / rules.base) if rules.base else self.ejections
        self.ejections = max(0, self.ejections - forgiven) + 1
        self.ejected_until = self._back_at = now + min(rules.base * self.ejections, rules.longest)
        self._ejected_for = why

    def end_ejection(self, now: float) -> None:
        """Bring it back, before its time or when that has come."""
        if self.ejected_until > -inf:
            self.ejected_until = -inf
            self._back_at = min(self._back_at, now)

    def set_mode(self, mode: Mode, deadline: float) -> None:
        self.mode = mode
        self.deadline = deadline

    def change(self, rules: HealthRules, membership: Membership) -> None:
        """What the configuration says of it from now on. What is known of it stays."""
        self._rules = rules
        self.membership = membership
        if not rules.contract or membership is Membership.GONE:
            self.behind, self.mute = False, ""

    def synced(self) -> None:
        """It knows by now what moved on without it."""
        self.behind = False

    def standing(self, suspicious: int) -> Standing:
        return Standing(
            self.state,
            self.why,
            self.since,
            self.factor,
            self.answering,
            self.away_since,
            self.returns,
            self.behind,
            self.mute,
            self.mode,
            self.deadline,
            self.ejections,
            suspicious,
        )

    def adopt(self, standing: Standing) -> None:
        """Be as another process says."""
        for name, value in zip(Standing._fields[:-1], standing[:-1], strict=True):
            setattr(self, name, value)

    def update(self, now: float) -> bool:
        """Work out state and slow-start factor; whether either has changed."""
        if now >= self.ejected_until:
            self.end_ejection(now)
        before = self.state, self.factor
        self._notice(now)
        state, self.why = self._judge(now)
        if state is not self.state:
            if state is NodeState.UP and not TAKES_PINNED[self.state]:
                self._share_from = now
            self.state = state
            self.since = now
        self.factor = self._factor(now)
        return before != (self.state, self.factor)

    def _notice(self, now: float) -> None:
        """Whether it goes away, or comes back."""
        answering = (
            self._probed is not Probed.FAILING
            and self.ejected_until == -inf
            and not self.mute
            and self.membership is not Membership.GONE
        )
        if answering is self.answering:
            return
        self.answering = answering
        self.away_since = inf if answering else now
        if answering:
            self.returns += 1
            self.behind = self._rules.contract

    def _judge(self, now: float) -> tuple[NodeState, str]:
        """The state and its cause, the weightiest first: a drained node that is down is down."""
        rules = self._rules
        removed = UNFOUND if rules.discovered else REMOVED
        if self.membership is Membership.GONE or (
            self.membership is Membership.LEAVING and not (rules.contract or rules.discovered)
        ):
            return NodeState.MAINT, removed
        if self.mode is Mode.MAINT:
            return NodeState.MAINT, "maintenance, by the operator"
        if now >= self.deadline:
            return NodeState.MAINT, "drained by the operator, its deadline has passed"
        if self._probed is Probed.FAILING:
            return NodeState.DOWN, f"probe failed: {self._complaint}"
        if self.ejected_until > -inf:
            return NodeState.DOWN, f"ejected: {self._ejected_for}"
        if self.mute:
            return NodeState.DOWN, self.mute
        if self.membership is Membership.LEAVING:
            return NodeState.DRAIN, removed
        if self.mode is Mode.DRAIN:
            return NodeState.DRAIN, "drained, by the operator"
        if self._probed is Probed.DRAINING:
            return NodeState.DRAIN, "drained: its health path answers 404"
        if self.behind:
            return NodeState.SYNCING, "back, and to learn which sessions moved on without it"
        return NodeState.UP, ""

    def _factor(self, now: float) -> float:
        """Rounded down to a tenth, so that a slow start makes nine new views and not one for each tick."""
        passed = now - self._share_from
        if passed >= self._rules.slow_start:
            return 1.0
        whole = SLOW_START_STEPS
        return (1 + int((whole - 1) * passed / self._rules.slow_start)) / whole


class ServiceHealth:
    """All nodes of a service, and the view that follows from them.

    Each method says whether the view has changed. Two rules go beyond one node: the last node that takes new
    sessions is never ejected, and when nobody takes any, those that are only ejected come back at once.
    """

    __slots__ = ("_rules", "_view", "nodes", "suspicious")

    def __init__(self, view: ServiceView, rules: HealthRules, now: float) -> None:
        """Every node begins as up, whatever `view` says of it, and without a slow start."""
        self._rules = rules
        self._view = view
        self.nodes = [NodeHealth(rules, now) for _ in view.nodes]
        # Failed requests in a row for each node. The byte path reads it: a success is worth a call only where
        # it is not 0.
        self.suspicious = [0] * len(view.nodes)
        self._publish()

    def view(self) -> ServiceView:
        return self._view

    def change(self, view: ServiceView, rules: HealthRules, anew: Collection[int], now: float) -> None:
        """Go by another configuration. It has all indices that there were, and may have more.

        `anew`: the nodes among them of which nothing is known, as they are others, or elsewhere. What the
        operator asked for goes by the name.
        """
        names = [node.name for node in self._view.nodes]
        same = rules == self._rules
        self._rules, self._view = rules, view
        for i in sorted(anew):
            fresh = NodeHealth(rules, now)
            if i == len(self.nodes):
                self.nodes.append(fresh)
                self.suspicious.append(0)
                continue
            if names[i] == view.nodes[i].name and self.nodes[i].membership is Membership.MEMBER:
                fresh.set_mode(self.nodes[i].mode, self.nodes[i].deadline)
            self.nodes[i] = fresh
            self.suspicious[i] = 0
        for node, seen in zip(self.nodes, view.nodes, strict=True):
            if not same or node.membership is not seen.membership:
                node.change(rules, seen.membership)
                node.update(now)
        self._settle([], now)
        self._publish()

    @property
    def members(self) -> int:
        """How many nodes the configuration has."""
        return sum(node.membership is Membership.MEMBER for node in self.nodes)

    @property
    def contract(self) -> bool:
        """Whether the nodes speak the session contract."""
        return self._rules.contract

    def standings(self) -> tuple[Standing, ...]:
        """For the health of the same service in another process."""
        return tuple(map(NodeHealth.standing, self.nodes, self.suspicious))

    def adopt(self, standings: Sequence[Standing]) -> None:
        """Be as another process says, where all is known that any process has seen."""
        for index, (node, standing) in enumerate(zip(self.nodes, standings, strict=True)):
            node.adopt(standing)
            self.suspicious[index] = standing.suspicious
        self._publish()

    def probe_passed(self, node: int, now: float) -> bool:
        self.nodes[node].probe_answered(now, draining=False)
        return self._update(node, now)

    def probe_draining(self, node: int, now: float) -> bool:
        """The health path answered 404."""
        self.nodes[node].probe_answered(now, draining=True)
        return self._update(node, now)

    def probe_failed(self, node: int, now: float, why: str) -> bool:
        """`why` in a few words for the operator: `connection refused`, `answered 500`."""
        self.nodes[node].probe_failed(why)
        return self._update(node, now)

    def request_failed(self, node: int, now: float, why: str) -> bool:
        """A connect failure, a timeout or a gateway error (502, 503, 504) of a request."""
        if not TAKES_PINNED[self.nodes[node].state]:
            return False  # sent before it went down: nothing new
        self.suspicious[node] += 1
        if self.suspicious[node] < self._rules.failures or not self._others_open(node):
            return False
        self.nodes[node].eject(now, why)
        return self._update(node, now)

    def request_passed(self, node: int, now: float) -> bool:
        """Any other answer of the node."""
        self.suspicious[node] = 0
        return False

    def set_mode(self, node: int, mode: Mode, now: float, deadline: float = inf) -> bool:
        """What the operator asked for. A drain's `deadline`, in monotonic seconds, ends in maintenance."""
        self.nodes[node].set_mode(mode, deadline)
        return self._update(node, now)

    def contract_missing(self, node: int, now: float, why: str = NO_CONTRACT) -> bool:
        """It can have no part in the session contract, as one that has answered without it."""
        self.nodes[node].mute = why
        return self._update(node, now)

    def contract_found(self, node: int, now: float) -> bool:
        """A look at its sessions says that it does know of it."""
        self.nodes[node].mute = ""
        return self._update(node, now)

    def synced(self, node: int, returns: int, now: float) -> bool:
        """It knows what moved on without it, unless it has come back more than `returns` times by now."""
        if self.nodes[node].returns != returns:
            return False
        self.nodes[node].synced()
        return self._update(node, now)

    def tick(self, now: float) -> bool:
        """Let time do its part: ejections end, slow starts go on, deadlines pass. Once a second is enough."""
        return self._settle([node.update(now) for node in self.nodes], now)

    def _others_open(self, node: int) -> bool:
        return any(TAKES_NEW[other.state] for i, other in enumerate(self.nodes) if i != node)

    def _update(self, node: int, now: float) -> bool:
        return self._settle([self.nodes[node].update(now)], now)

    def _settle(self, changed: list[bool], now: float) -> bool:
        if not any(TAKES_NEW[node.state] for node in self.nodes):
            for node in self.nodes:
                node.end_ejection(now)
                changed.append(node.update(now))
        if not any(changed):
            return False
        self._publish()
        return True

    def _publish(self) -> None:
        for i, node in enumerate(self.nodes):
            if not TAKES_PINNED[node.state]:
                self.suspicious[i] = 0
        seen = zip(self._view.nodes, self.nodes, strict=True)
        nodes = tuple(before.seen(node.state, node.factor) for before, node in seen)
        self._view = replace(self._view, nodes=nodes)
