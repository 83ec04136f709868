"""Brings together what probes, requests and operators say of nodes, and publishes the view that follows."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from math import inf
from typing import Protocol

from control.events import told
from control.probes import Outcome, Prober, Target
from control.turns import Steps
from routing.health import NO_CONTRACT, HealthRules, ServiceHealth
from routing.states import STATE_LABELS, Mode, NodeState
from routing.view import ServiceView

logger = logging.getLogger("limpet.nodes")

TICK_SECONDS = 1.0


class Follower(Protocol):
    """The byte path of a service: goes by the view, and ends what waits for a node that is down."""

    def publish(self, view: ServiceView) -> None: ...

    def node_down(self, node: int) -> None: ...


class Watch:
    """Keeps one service's health; what changes goes to the byte path, and one line of it into the log.

    It is the byte path's `Watcher`. `now` gives monotonic seconds.
    """

    def __init__(self, health: ServiceHealth, now: Callable[[], float] = time.monotonic) -> None:
        self.health = health
        self.name = health.view().service
        self.node_names = tuple(node.name for node in health.view().nodes)
        self.suspicious = health.suspicious
        self._now = now
        self._followers: list[Follower] = []
        self._listener: Callable[[], None] = _nothing
        self.hurry: Callable[[int], bool] | None = None  # has a node probed now; False where it is not probed
        self._states = [node.state for node in health.nodes]

    def lead(self, follower: Follower) -> None:
        """Publish to this byte path, too, from now on."""
        self._followers.append(follower)
        follower.publish(self.health.view())

    def change(self, view: ServiceView, rules: HealthRules, anew: Collection[int]) -> None:
        """Go by another configuration; as `ServiceHealth.change`. Publishes nothing yet."""
        self.health.change(view, rules, anew, self._now())
        self.node_names = tuple(node.name for node in view.nodes)
        for index in anew:
            self._states[index : index + 1] = [self.health.nodes[index].state]

    def lasted(self, node: int) -> float:
        """Seconds since its state last changed."""
        return self._now() - self.health.nodes[node].since

    def remaining(self, node: int) -> float:
        """Seconds until the deadline of its drain, inf where there is none."""
        return max(0.0, self.health.nodes[node].deadline - self._now())

    def gives_time(self, node: int, seconds: float) -> bool:
        """Whether the requests that a node works on may end: it is up, or drains for less than `seconds`."""
        state = self.health.nodes[node].state
        return state is NodeState.UP or (state is NodeState.DRAIN and self.lasted(node) < seconds)

    def tell(self, listener: Callable[[], None]) -> None:
        """Call this one, too, after whatever may have changed something."""
        self._listener = listener

    def publish(self) -> None:
        """The configuration has changed, and with it whatever depends on the nodes."""
        self._changed()

    # Called by the byte path.

    def request_failed(self, node: int, why: str) -> None:
        """An ejection is a suspicion: what the node works on may still be answered, and is left alone."""
        if self.hurry is not None and self.health.contract and not why.startswith("answered"):
            self.hurry(node)  # sessions cannot move before it is known to be down
        if self.health.request_failed(node, self._now(), why):
            self._changed()

    def contract_missing(self, node: int, why: str = NO_CONTRACT) -> None:
        """It is down, until a look at its sessions says otherwise."""
        if self.health.contract_missing(node, self._now(), why):
            self._changed()

    # Called by who keeps the sessions.

    def silent(self, node: int, why: str) -> None:
        """It did not answer for its sessions; whether it is down is for its probes to say, if it has any."""
        if self.hurry is None or not self.hurry(node):
            self.request_failed(node, why)

    def contract_found(self, node: int) -> None:
        if self.health.contract_found(node, self._now()):
            self._changed()

    def synced(self, node: int, returns: int) -> None:
        """It knows what moved on without it when it had come back `returns` times."""
        if self.health.synced(node, returns, self._now()):
            self._changed()

    def request_passed(self, node: int) -> None:
        if self.health.request_passed(node, self._now()):
            self._changed()

    # Called by the probes, the operator and the clock.

    def probed(self, node: int, outcome: Outcome, why: str) -> None:
        was = self.health.nodes[node].state
        if not self._take_probe(node, outcome, why):
            self._listener()  # one in maintenance may have ceased to answer
            return
        self._changed()
        if self.health.nodes[node].state is NodeState.DOWN and was is not NodeState.DOWN:
            self._end_exchanges(node)

    def set_mode(self, node: int, mode: Mode, deadline_seconds: float = inf) -> None:
        """`deadline_seconds`: how long a drained node keeps its sessions."""
        now = self._now()
        if self.health.set_mode(node, mode, now, now + deadline_seconds):
            self._changed()

    def tick(self) -> None:
        if self.health.tick(self._now()):
            self._changed()
        else:
            self._listener()

    def _take_probe(self, node: int, outcome: Outcome, why: str) -> bool:
        now = self._now()
        if outcome is Outcome.PASSED:
            return self.health.probe_passed(node, now)
        if outcome is Outcome.DRAINING:
            return self.health.probe_draining(node, now)
        return self.health.probe_failed(node, now, why)

    def _changed(self) -> None:
        for follower in self._followers:
            follower.publish(self.health.view())
        for index, node in enumerate(self.health.nodes):
            was = self._states[index]
            if node.state is not was:
                self._states[index] = node.state
                self._log(index, was)
        self._listener()

    def _end_exchanges(self, node: int) -> None:
        for follower in self._followers:
            follower.node_down(node)

    def _log(self, index: int, was: NodeState) -> None:
        node = self.health.nodes[index]
        level = logging.WARNING if node.state is NodeState.DOWN else logging.INFO
        name, state, why = self.node_names[index], STATE_LABELS[node.state], node.why or "it passes"
        logger.log(
            level,
            'node state changed: service=%s node=%s from=%s to=%s why="%s"',
            self.name,
            name,
            STATE_LABELS[was],
            state,
            why,
            extra=told("state", self.name, name, f"{name} is {state}, was {STATE_LABELS[was]}: {why}"),
        )


class Cluster:
    """All services' watches, with the probes and the clock that feed them."""

    def __init__(self, watches: Sequence[Watch] = (), targets: Sequence[Target] = ()) -> None:
        self.watches: dict[str, Watch] = {}
        self._prober = Prober(targets, self._probed)
        self._ticking: asyncio.Task[None] | None = None
        for watch in watches:
            self.add(watch)

    def add(self, watch: Watch) -> None:
        watch.hurry = partial(self._prober.hurry, watch.name)
        self.watches[watch.name] = watch

    def aim(self, service: str, targets: Sequence[Target]) -> Steps[None]:
        """Probe these nodes of a service from now on; those that were probed so far, without a break."""
        return self._prober.aim(service, targets)

    def start(self) -> None:
        self._prober.start()
        self._ticking = asyncio.create_task(ticking(self.watches))

    async def stop(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        await self._prober.stop()

    def _probed(self, target: Target, outcome: Outcome, why: str) -> None:
        self.watches[target.service].probed(target.node, outcome, why)


def _nothing() -> None:
    """For a watch that nobody listens to."""


async def ticking(watches: Mapping[str, Watch]) -> None:
    """Let time do its part, for ever; one service a turn of the loop, so that many hold no request up."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        for watch in list(watches.values()):
            watch.tick()
            await asyncio.sleep(0)
