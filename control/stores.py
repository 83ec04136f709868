"""The stores that services name: made from the file, opened and closed with the process, watched."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path

from config.session_settings import Store as StoreSettings
from config.settings import Settings
from control.certificates import Stamp, stamp_of
from sessions.keeping.targets import StoreTarget
from sessions.stores.embedded import EmbeddedStore
from sessions.stores.redis.store import RedisStore
from sessions.stores.redis.url import parse_redis_url
from sessions.stores.store import Store

logger = logging.getLogger("limpet.stores")


class OpenStore:
    """One store with its batches, which all services that name it share.

    `away_since`: when it was last seen to go down, in monotonic seconds, inf while it is up; `returns`: how
    often it has come back; `gaps`: that, and how often it missed a write: it may lack what nodes have.
    """

    def __init__(self, store: Store, now: Callable[[], float] = time.monotonic, stamp: Stamp = ()) -> None:
        """`stamp`: of the files of its certificates when they were read."""
        self.store = store
        self.stamp = stamp
        self.name = store.name
        self.target = StoreTarget(store)
        self.away_since = inf
        self.returns = 0
        self._connections = 0
        self._now = now

    @property
    def up(self) -> bool:
        return self.store.up

    @property
    def gaps(self) -> int:
        return self.returns + self.target.missed

    def look(self) -> None:
        """Notice that it has gone down, or has come back; to be called every second.

        A connection made anew counts as coming back: a master that was demoted, or one that was restarted
        between two writes, has forgotten what its successor or its file did not have yet.
        """
        if self.store.up:
            connections = self.store.connections
            self.returns += self.away_since != inf or connections != self._connections
            self.away_since, self._connections = inf, connections
        elif self.away_since == inf:
            self.away_since = self._now()


class Stores:
    """All stores of the file that a service names."""

    def __init__(self, stores: Iterable[OpenStore]) -> None:
        self.opened: Mapping[str, OpenStore] = {store.name: store for store in stores}
        self._advising: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises StoreError where one can never work; a server that is down is no error."""
        await open_stores(self.opened.values())
        self._be_advised(list(self.opened.values()))

    def change(self, opened: Mapping[str, OpenStore]) -> list[OpenStore]:
        """These from now on, which are open; those that are no longer among them, for the caller to close."""
        before, self.opened = self.opened, opened
        known = list(before.values())
        self._be_advised([each for each in opened.values() if each not in known])
        return [each for each in known if each not in opened.values()]

    def look(self) -> None:
        for each in self.opened.values():
            each.look()

    async def close(self) -> None:
        """What has been asked of them is still done."""
        for task in self._advising:
            task.cancel()
        await asyncio.gather(*self._advising, return_exceptions=True)
        await close_stores(self.opened.values())

    def _be_advised(self, stores: Sequence[OpenStore]) -> None:
        if not stores:
            return
        task = asyncio.create_task(_advise(stores))
        self._advising.add(task)
        task.add_done_callback(self._advising.discard)


async def _advise(stores: Iterable[OpenStore]) -> None:
    for each in stores:
        for sentence in await each.store.advice():
            logger.warning("store %s: %s", each.name, sentence)


async def open_stores(stores: Iterable[OpenStore]) -> None:
    """Raises StoreError where one can never work; a server that is down is no error."""
    opening = list(stores)
    await asyncio.gather(*(each.store.open() for each in opening))
    for each in opening:
        each.look()


async def close_stores(stores: Iterable[OpenStore]) -> None:
    """What has been asked of them is still done."""
    for each in stores:
        await each.target.close()
        await each.store.close()


def make_stores(settings: Settings) -> list[OpenStore]:
    """Those that services name; nothing is opened. Raises StoreError for certificates that cannot be read."""
    return [to_open(name, store) for name, store in named_stores(settings).items()]


def to_open(name: str, store: StoreSettings) -> OpenStore:
    """Not opened yet. Raises StoreError for certificates that cannot be read."""
    stamp = stamp_of_store(store)  # before they are read: what changes meanwhile is noticed later
    return OpenStore(make_store(name, store), stamp=stamp)


def stamp_of_store(store: StoreSettings) -> Stamp:
    """By what it shows that the files of its certificates are other ones."""
    return stamp_of(store.redis.files().values()) if store.redis is not None else ()


def named_stores(settings: Settings) -> dict[str, StoreSettings]:
    """The stores of the file that services name."""
    named = {name for service in settings.services.values() for name in service.sessions.stores}
    return {name: store for name, store in settings.stores.items() if name in named}


def make_store(name: str, store: StoreSettings) -> Store:
    if store.redis is not None:
        url = parse_redis_url(store.redis.text)
        return RedisStore(name, url, timeout_seconds=store.timeout, wait_replicas=store.wait_replicas)
    assert store.embedded is not None, "the settings were checked"
    return EmbeddedStore(
        name,
        Path(store.embedded),
        timeout_seconds=store.timeout,
        synchronous="FULL" if store.synchronous == "full" else "NORMAL",
    )
