"""What a service's keeper is told of nodes and store: who is up, who may serve, who inherits."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain

from control.stores import OpenStore
from routing.health import ServiceHealth
from routing.ring import Order
from routing.states import Membership, NodeState
from sessions.contract.messages import STORE
from sessions.contract.searching import NO_HEIR, Around

NOBODY = -1


class Surroundings:
    """Of one service. `refresh` is to be called when a node's state may have changed, and every second.

    `homing`: sessions that move go to the first of their order, and not to whom the router has chosen.
    """

    def __init__(
        self,
        health: ServiceHealth,
        give_up: float,
        store: OpenStore | None = None,
        homing: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`give_up`: seconds after which who is away is no longer waited for."""
        self._health = health
        self._now = now
        self._up: frozenset[int] = frozenset()
        self._up_and_store = frozenset({STORE})
        self._ready: frozenset[int] = frozenset()
        self._given_up: frozenset[int] = frozenset()
        self._changed = asyncio.Event()  # set once, when it is others that are up
        self.change(give_up, store, homing)

    def change(self, give_up: float, store: OpenStore | None, homing: bool) -> None:
        """Go by other settings, and by the nodes as they are now."""
        self._give_up, self._store, self._homing = give_up, store, homing
        nodes = self._health.view().nodes
        self._backups = frozenset(i for i, node in enumerate(nodes) if node.backup)
        self._leaving = tuple(i for i, node in enumerate(nodes) if node.membership is Membership.LEAVING)
        self.refresh()

    def around(self, session_id: str, choice: int) -> Around:
        """`choice`: the router's, for the request that the session is searched for; -1: none. NO_HEIR: nobody
        is to take it over, and the order is looked at once."""
        up = self._up_and_store if self._store is not None and self._store.up else self._up
        if choice == NO_HEIR:  # each write
            return Around(self.order(session_id), up, self._ready, self._given_up, NOBODY)
        order = Order(self.order(session_id))
        return Around(order, up, self._ready, self._given_up, self._heir(order, choice))

    def order(self, session_id: str) -> Iterator[int]:
        """All nodes as the session prefers them; backups after all others, as the router has it.

        Those that are leaving may still hold it, and come last.
        """
        order = self._health.view().ring.order(session_id)
        if self._backups:
            order = iter(sorted(order, key=self._backups.__contains__))
        return chain(order, self._leaving) if self._leaving else order

    def refresh(self) -> None:
        """Look at the nodes and the clock."""
        now, nodes = self._now(), self._health.nodes
        up = frozenset(i for i, node in enumerate(nodes) if node.answering)
        if up != self._up:
            self._up, self._up_and_store = up, up | {STORE}
            self._changed.set()
            self._changed = asyncio.Event()
        self._ready = frozenset(i for i, node in enumerate(nodes) if node.state is NodeState.UP)
        away = {i for i, node in enumerate(nodes) if now - node.away_since >= self._give_up}
        if self._store is not None and now - self._store.away_since >= self._give_up:
            away.add(STORE)
        self._given_up = frozenset(away)

    async def gone(self, node: int, seconds: float) -> None:
        """Returns when a node need not answer any more, or after so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while node in self._up:
                    await self._changed.wait()

    def _heir(self, order: Order, choice: int) -> int:
        ready = self._ready
        if choice in ready and not self._homing:
            return choice
        home = next((node for node in order if node in ready), NOBODY)
        # A home at which requests fail was tried before, and the router has chosen another.
        return choice if choice in ready and home >= 0 and self._health.suspicious[home] else home
