"""Who keeps the sessions of services that use the contract: what of it begins, ticks and ends."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from control.cluster import Watch
from control.failovers import Failovers
from control.oversize import Oversize
from control.reconciler import Reconciler
from control.stores import Stores
from control.surroundings import Surroundings
from control.witness import StoreWitness
from sessions.keeper import Keeper
from sessions.peers import Peer

LOOK_SECONDS = 1.0
SETTLE_SECONDS = 2.0  # at the end, for what has no copies yet
GLANCE_SECONDS = 0.02


@dataclass(frozen=True)
class Kept:
    """One service's. `store`: what it has of one, None without."""

    strategy: str
    watch: Watch
    keeper: Keeper
    peers: Sequence[Peer]
    store: StoreWitness | None
    surroundings: Surroundings
    reconciler: Reconciler
    failovers: Failovers
    oversize: Oversize

    @property
    def replicated(self) -> bool:
        """Whether nodes hold copies of each other's sessions."""
        return self.keeper.options.replicas > 0

    def look(self) -> None:
        """A node's state may have changed, or a second has passed."""
        self.surroundings.refresh()
        self.reconciler.look()
        self.failovers.look()
        self.oversize.look()


class Keeping:
    """Of all services, by name, and their stores. `plain`: those whose nodes know no contract."""

    def __init__(
        self, services: dict[str, Kept], stores: Stores, plain: Sequence[tuple[Watch, Failovers]] = ()
    ) -> None:
        self.services = services
        self.stores = stores
        self._plain = plain
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises StoreError where a store can never work."""
        await self.stores.open()
        for kept in self.services.values():
            kept.watch.tell(kept.look)
            kept.look()
            kept.reconciler.start()
        for watch, failovers in self._plain:
            watch.tell(failovers.look)
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """What was written and has no copies yet still gets them, for a bounded time."""
        if self._looking is not None:
            self._looking.cancel()
        for kept in self.services.values():
            await kept.reconciler.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while any(kept.keeper.settling for kept in self.services.values()):  # noqa: ASYNC110
                    await asyncio.sleep(GLANCE_SECONDS)
        for _, failovers in self._plain:
            failovers.close()
        for kept in self.services.values():
            kept.failovers.close()
            kept.keeper.close()
            for peer in kept.peers:
                await peer.close()
        await self.stores.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.stores.look()
            for kept in self.services.values():
                kept.look()
            for _, failovers in self._plain:
                failovers.look()
