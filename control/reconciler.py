"""Compares the lists of a service's nodes, again and again, and knows what was found."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import NamedTuple

from control.cluster import Watch
from control.comparison import Comparison, Jobs, Lister, Turns
from control.stores import OpenStore
from control.twins import Twins
from routing.states import NodeState
from sessions.contract.homes import Roles
from sessions.contract.reconciling import Reconciliation

logger = logging.getLogger("limpet.sessions")

SOON_SECONDS = 0.5  # until the next pass, while something is left to do
SHARE = 0.2  # of the time that passes may take
GATHERING_SECONDS = 0.05  # from a change of a node's state to the pass that it brings about
STUCK_SECONDS = 60.0  # a node that others kept from learning what it missed for so long begins with nothing
FRESH_SECONDS = 5.0  # between two passes while somebody watches, longer where they are dear
FRESH_SHARE = 0.02
LOOK_SECONDS, LONGEST_LOOK_SECONDS = 2.0, 60.0  # whether a node speaks the contract after all


class Plan(NamedTuple):
    """`interval` in seconds; `copy_rate`, `move_rate`: sessions a second.

    `replicas`: on other nodes, whatever their number is; `stored`: the store has every session; `sticky`:
    no other node than the one that serves a session has newer state.
    """

    interval: float
    copy_rate: int
    move_rate: int
    replicas: int
    stored: bool
    rebalance: bool
    sticky: bool = True


class Reconciler:
    """Of one service. What its last whole pass found is for metrics and operators to read."""

    def __init__(
        self,
        plan: Plan,
        watch: Watch,
        order: Callable[[str], Iterator[int]],
        nodes: Sequence[Lister],
        store: OpenStore | None,
        stays: Callable[[str, int], bool] = lambda _session_id, _node: False,
        protected: Callable[[str, int], None] = lambda _session_id, _version: None,
    ) -> None:
        """`order`: all nodes as a session prefers them. `store`: where there is one at all.

        `stays`: whether a session is not to be moved now from this node. `protected` is told of each version
        that was found to be held by all who should hold it.
        """
        self._protected = protected
        self._watch = watch
        self._order = order
        self._stays = stays
        self._store: OpenStore | None = None
        self._fallback: OpenStore | None = None
        self._stored: dict[str, int] = {}  # what a store is known to have: the fallback's copies, and ends
        self._stored_gaps = 0
        self._store_gaps = 0  # as of the last whole pass
        self._store_returns = 0
        self._set(plan, nodes, store)
        self._states = [node.state for node in watch.health.nodes]
        self._mistaken: Counter[int] = Counter()  # how often a node seemed to speak the contract after all
        self._woken = asyncio.Event()
        self._fresh_until = inf  # monotonic seconds of the loop
        self._task: asyncio.Task[None] | None = None
        self.passes = 0  # whole ones
        self.copies = [0, 0, 0]  # written sessions with 0, 1, 2 or more copies
        self.serving: Counter[int] = Counter()  # sessions by node
        self.holding: Counter[int] = Counter()  # copies by node
        self.left: dict[int, int] = {}  # by leaving node: sessions that are not yet safe elsewhere

    def change(self, plan: Plan, nodes: Sequence[Lister], store: OpenStore | None) -> None:
        """Compare by these from now on, beginning soon; a pass that is under way ends as it began.

        A store that is new to the service lacks what the nodes have.
        """
        had = self._store
        self._set(plan, nodes, store)
        if self._store is not None and self._store is not had:
            self._store_gaps, self._store_returns = -1, self._store.returns
        self._woken.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """Begin a pass if a node's state has changed, or the store has come back; to be called whenever one
        may have."""
        states = [node.state for node in self._watch.health.nodes]
        if states != self._states:
            self._states = states
            leaving = self._leaving()
            self.left = {node: left for node, left in self.left.items() if node in leaving}
            self._woken.set()
        # Until then what was written meanwhile is on one node only.
        store = self._store or self._fallback
        if store is not None and store.returns != self._store_returns:
            self._store_returns = store.returns
            self._woken.set()

    def freshen(self) -> None:
        """Somebody looks at what was found: begin a pass, if it was found a while ago."""
        if asyncio.get_running_loop().time() >= self._fresh_until:
            self._fresh_until = inf
            self._woken.set()

    # Private

    def _set(self, plan: Plan, nodes: Sequence[Lister], store: OpenStore | None) -> None:
        self._plan = plan
        self._nodes = nodes
        self._twins = Twins(self._watch, nodes)
        self._store = store if plan.stored else None
        self._fallback = store if plan.replicas and not plan.stored else None
        self._stored = {}
        target = store.target if store is not None else None
        self._jobs = Jobs(nodes, self._watch.node_names, target, self._stays)
        self._copying, self._moving = Turns(plan.copy_rate), Turns(plan.move_rate)

    async def _run(self) -> None:
        loop, passes = asyncio.get_running_loop(), 0
        while True:
            self._woken.clear()
            began = loop.time()
            try:
                again = await self._pass()
            except Exception:  # a task's boundary: the next pass comes all the same
                logger.exception("comparing the sessions of the nodes of %s broke", self._watch.name)
                again = True
            ended = loop.time()
            self._fresh_until = ended + max(FRESH_SECONDS, (ended - began) / FRESH_SHARE)
            passes = passes + 1 if again and not self._woken.is_set() else 0
            wait = self._wait(passes, loop.time() - began) if again else self._plan.interval
            with contextlib.suppress(TimeoutError):
                # Not wait_for: in Python 3.11 it forgets that it was cancelled when it is woken as well.
                async with asyncio.timeout(min(wait, self._plan.interval)):
                    await self._woken.wait()
            await asyncio.sleep(GATHERING_SECONDS)

    def _wait(self, passes: int, lasted: float) -> float:
        """Until the next pass: what `passes` in a row did not make good is tried less and less often."""
        awaited = any(self.left.values()) or any(
            node.mute or (node.answering and node.behind) for node in self._watch.health.nodes
        )
        patience = LOOK_SECONDS if awaited else self._plan.interval
        return max(min(SOON_SECONDS * 2.0 ** min(passes, 20), patience), lasted / SHARE)

    async def _pass(self) -> bool:
        """One comparison, and what follows from it; whether there is more to do soon."""
        await self._look_for_the_contract()
        await self._twins.meet()
        nodes, roles = self._watch.health.nodes, self._roles()
        returns = [node.returns for node in nodes]
        store = self._store or self._fallback
        store_gaps = store.gaps if store is not None and store.up else self._store_gaps
        if store is not None and store.gaps != self._stored_gaps:
            self._stored, self._stored_gaps = {}, store.gaps
        stored = self._stored
        work = Reconciliation(roles, self._order, self._protected, stored)
        jobs = await Comparison(work, self._nodes, self._jobs, self._copying, self._moving).run()
        self._twins.part()  # one may have been started anew with another's file
        if self._stored is stored:  # still about this store
            self._stored = work.known if work.whole else stored | work.known
        if work.whole:
            self._store_gaps = store_gaps
            self._publish(work, roles)
        self._bring_into_step(work, roles, returns)
        return (
            jobs > 0 or not work.whole or any(node.mute or (node.answering and node.behind) for node in nodes)
        )

    def _roles(self) -> Roles:
        plan, nodes = self._plan, self._watch.health.nodes
        listed = frozenset(i for i, node in enumerate(nodes) if node.answering)
        ready = frozenset(i for i, node in enumerate(nodes) if node.state is NodeState.UP)
        store = self._store
        either = self._store or self._fallback
        return Roles(
            listed,
            ready,
            syncing=frozenset(i for i in listed if nodes[i].behind),
            leaving=self._leaving() if ready else frozenset(),
            replicas=min(plan.replicas, max(0, self._watch.health.members - 1)),
            behind=store is not None and store.up and store.gaps != self._store_gaps,
            moves=plan.move_rate if plan.rebalance and len(ready) == self._watch.health.members else 0,
            store=plan.stored,
            stuck=self._stuck(),
            sticky=plan.sticky,
            fallback=self._falls_back(len(ready)),
            marks=either is not None and either.up,
        )

    def _falls_back(self, ready: int) -> bool:
        """Whether the fallback is to take copies: too few nodes are left for them."""
        replicas = self._plan.replicas
        enough = replicas if replicas < self._watch.health.members else 1  # `all` is whoever there is
        return self._fallback is not None and self._fallback.up and ready <= enough

    def _leaving(self) -> frozenset[int]:
        away = (NodeState.DRAIN, NodeState.MAINT)
        return frozenset(
            i for i, node in enumerate(self._watch.health.nodes) if node.answering and node.state in away
        )

    def _publish(self, work: Reconciliation, roles: Roles) -> None:
        self.passes += 1
        self.copies = list(work.copies)
        self.serving = work.serving
        self.holding = work.holding
        self.left = {node: work.left[node] for node in roles.leaving & self._leaving()}

    def _stuck(self) -> frozenset[int]:
        return frozenset(
            i
            for i, node in enumerate(self._watch.health.nodes)
            if node.state is NodeState.SYNCING and self._watch.lasted(i) >= STUCK_SECONDS
        )

    def _bring_into_step(self, work: Reconciliation, roles: Roles, returns: Sequence[int]) -> None:
        for node in work.in_step:
            if node in roles.stuck:
                name = self._watch.node_names[node]
                logger.warning(
                    "node %s could not be told what moved on without it: its sessions are searched for first",
                    name,
                )
            self._watch.synced(node, returns[node])

    async def _look_for_the_contract(self) -> None:
        """Of nodes that can have no part in it: one that shows its list, and that it is its own, can."""
        for node, health in enumerate(self._watch.health.nodes):
            wait = min(LOOK_SECONDS * self._mistaken[node], LONGEST_LOOK_SECONDS)
            if not health.mute or self._watch.lasted(node) < wait:
                continue
            if await self._nodes[node].entries("", 1) is None:
                continue
            if why := self._twins.why(node):
                self._watch.contract_missing(node, why)
            else:
                self._mistaken[node] += 1
                self._watch.contract_found(node)
