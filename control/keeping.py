"""Who keeps the sessions of services that use the contract: what of it begins, ticks and ends."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from control.cluster import Watch
from control.failovers import FailoverFacts, Failovers
from control.oversize import Oversize
from control.reconciler import Reconciler
from control.stores import Stores
from control.surroundings import Surroundings
from control.witness import StoreWitness
from sessions.keeper import Keeper
from sessions.keeping.targets import Targets
from sessions.peers import Peer

LOOK_SECONDS = 1.0
PARTING_SECONDS = 600.0  # for exchanges of a service that is no more
SETTLE_SECONDS = 2.0  # at the end, for what has no copies yet
GLANCE_SECONDS = 0.02


class PeerLine(NamedTuple):
    """How the session endpoint of one node is called."""

    name: str
    url: str
    socket: str | None
    key: bytes
    ack_timeout: float
    tls: ssl.SSLContext | None = None
    server_name: str = ""


class Elsewhere(NamedTuple):
    """What other processes that keep a service's sessions count, where this one knows of them.

    `copied`, `stored`: bytes of state that were sent to nodes, by name, and to the store.
    """

    lag_seconds: float = 0.0
    lag_bytes: int = 0
    copied: Mapping[str, int] = MappingProxyType({})
    stored: int = 0


@dataclass
class Kept:
    """One service's. `store`: what it has of one, None without; `lines`: how each peer is called."""

    strategy: str
    watch: Watch
    keeper: Keeper
    targets: Targets
    peers: list[Peer]
    lines: list[PeerLine]
    store: StoreWitness | None
    surroundings: Surroundings
    reconciler: Reconciler
    failovers: Failovers
    oversize: Oversize
    elsewhere: Elsewhere = field(default_factory=Elsewhere)

    @property
    def replicated(self) -> bool:
        """Whether nodes hold copies of each other's sessions."""
        return self.keeper.options.replicas > 0

    @property
    def lag_seconds(self) -> float:
        """As `Keeper.lag_seconds`, in all processes."""
        return max(self.keeper.lag_seconds, self.elsewhere.lag_seconds)

    @property
    def lag_bytes(self) -> int:
        return self.keeper.lag_bytes + self.elsewhere.lag_bytes

    def copied(self, node: int) -> int:
        """Bytes of state that were sent to a node."""
        name = self.watch.node_names[node]
        return self.peers[node].copied_bytes + self.elsewhere.copied.get(name, 0)

    @property
    def stored(self) -> int:
        """Bytes of state that were sent to the store."""
        return (self.store.copied_bytes if self.store is not None else 0) + self.elsewhere.stored

    def look(self) -> None:
        """A node's state may have changed, or a second has passed."""
        self.surroundings.refresh()
        self.reconciler.look()
        self.failovers.look()
        self.oversize.look()


class Keeping:
    """Of all services, by name, and their stores. `plain`: those whose nodes know no contract.

    `leads`: whether this process compares lists, and tells of what becomes of sessions; not one that serves
    clients beside others.
    """

    def __init__(self, stores: Stores, leads: bool = True) -> None:
        self._leads = leads
        self.services: dict[str, Kept] = {}
        self.plain: dict[str, Failovers] = {}
        self.stores = stores
        self._looking: asyncio.Task[None] | None = None
        self._parting: set[asyncio.Task[None]] = set()

    def add(self, name: str, kept: Kept) -> None:
        """One more service; it begins at once where others have begun."""
        self.services[name] = kept
        if self._looking is not None:
            self._begin(kept)

    def add_plain(self, watch: Watch, failovers: Failovers) -> None:
        self.plain[watch.name] = failovers
        if self._leads:
            watch.tell(failovers.look)

    def remove(self, name: str) -> None:
        """A service that is no more, or keeps no sessions: its exchanges under way are kept to their ends."""
        if (failovers := self.plain.pop(name, None)) is not None:
            failovers.close()
        if (kept := self.services.pop(name, None)) is not None and self._looking is not None:
            self.see_off(_end(kept))

    def see_off(self, ending: Coroutine[None, None, None]) -> None:
        """Let something that is no longer needed come to its end."""
        task = asyncio.create_task(ending)
        self._parting.add(task)
        task.add_done_callback(self._parting.discard)

    async def open(self) -> None:
        """Raises StoreError where a store can never work."""
        await self.stores.open()
        for kept in self.services.values():
            self._begin(kept)
        self._looking = asyncio.create_task(self._look())

    def _begin(self, kept: Kept) -> None:
        look = self._look_of(kept)
        kept.watch.tell(look)
        look()
        if self._leads:
            kept.reconciler.start()

    def _look_of(self, kept: Kept) -> Callable[[], None]:
        return kept.look if self._leads else kept.surroundings.refresh

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
        for failovers in self.plain.values():
            failovers.close()
        for task in self._parting:
            task.cancel()
        await asyncio.gather(*self._parting, return_exceptions=True)
        for kept in self.services.values():
            kept.failovers.close()
            kept.keeper.close()
            for peer in kept.peers:
                await peer.close()
        await self.stores.close()

    def failovers(self) -> list[FailoverFacts]:
        """Of all services, those that are not over yet."""
        each = [*(kept.failovers for kept in self.services.values()), *self.plain.values()]
        return [facts for failovers in each for facts in failovers.facts()]

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.stores.look()
            for kept in self.services.values():
                self._look_of(kept)()
            for failovers in self.plain.values() if self._leads else ():
                failovers.look()


async def _end(kept: Kept) -> None:
    """End with the exchanges that go by it."""
    await kept.reconciler.stop()
    kept.failovers.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PARTING_SECONDS):
            while not kept.keeper.idle:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
    kept.keeper.close()
    for peer in kept.peers:
        await peer.close()
