"""What runs, made from a blueprint and changed by the next one: who is the same in both notices nothing."""

import logging
import random
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config import settings as file
from control.cluster import Cluster
from control.departures import Departures
from control.failovers import lost_with
from control.keeping import Keeping
from control.node_tls import NodeContexts
from control.seat import Alone, Seat
from control.session_wiring import keep, keep_on
from control.slots import Slot, assign, let_go
from control.stores import (
    OpenStore,
    Stores,
    close_stores,
    make_stores,
    named_stores,
    stamp_of_store,
    to_open,
)
from control.wiring import (
    addresses_of,
    affinity_of,
    cookie_of,
    error_pages_of,
    forwarding_of,
    limits_of,
    options_of,
    routes_of,
    rules_of,
    targets_of,
    timeouts_of,
    view_of,
)
from proxy.engine import Engine
from proxy.error_pages import ErrorPages
from proxy.service import Service
from proxy.wheel import Timer
from routing.budget import RetryBudget
from routing.health import ServiceHealth
from routing.ring import Placed
from routing.router import Router
from routing.states import Membership
from sessions.affinity import Affinity

logger = logging.getLogger("limpet.reload")

PEER_SECONDS = 2.0  # for calls that are under way at a node whose endpoint is called otherwise by now


@dataclass(frozen=True)
class Blueprint:
    """All that a process needs to make or change what runs: settings, not objects.

    By service: `slots`; `placed`, the points of its ring, if not to be worked out here; `tls` for its nodes.
    """

    settings: file.Settings
    secrets: tuple[bytes, ...]
    slots: Mapping[str, tuple[Slot, ...]]
    error_pages: ErrorPages = field(compare=False)
    tls: Mapping[str, ssl.SSLContext | None] = field(compare=False)
    placed: Mapping[str, Placed] = field(default_factory=dict, compare=False)


class Runtime:
    """The engine, the watches and the keepers of a process.

    `cookies`: by service, the cookie that its sessions are known by, "" where there is none.
    """

    def __init__(
        self,
        engine: Engine,
        stores: Stores,
        now: Callable[[], float] = time.monotonic,
        seat: Seat = Alone(),  # noqa: B008 - it has no state
    ) -> None:
        self.engine = engine
        self._seat = seat
        self.cluster = Cluster()
        self.cookies: dict[str, str] = {}
        self.keeping = Keeping(stores, seat.leads)
        self.blueprint: Blueprint | None = None
        self._contexts = NodeContexts()
        self._departures = Departures(self.engine.services, self.cluster.watches, self.keeping.services, now)
        self._now = now

    @property
    def settings(self) -> file.Settings:
        """Those that it goes by."""
        assert self.blueprint is not None, "it runs"
        return self.blueprint.settings

    def draw(
        self,
        settings: file.Settings,
        secrets: Sequence[bytes],
        placed: Mapping[str, Placed] | None = None,
    ) -> Blueprint:
        """The blueprint that follows the present one. `placed`: the points of rings, as far as known.

        Raises OSError where an error page cannot be read or there is no room for the nodes, CertificateError
        where a certificate for nodes cannot be read.
        """
        slots = self._assign(settings)
        pages, tls = error_pages_of(settings.error_pages), self.contexts(settings, slots)
        self._allot(slots)
        return Blueprint(settings, tuple(secrets), slots, pages, tls, placed or {})

    def contexts(
        self, settings: file.Settings, slots: Mapping[str, tuple[Slot, ...]]
    ) -> Mapping[str, ssl.SSLContext | None]:
        """By service, the TLS for its nodes. Raises CertificateError."""
        return {
            name: self._contexts.context(name, service.tls, slots[name])
            for name, service in settings.services.items()
        }

    def redraw(self, settings: file.Settings, placed: Mapping[str, Placed] | None = None) -> Blueprint:
        """The present blueprint with other nodes; nothing else differs. `placed`: as for `draw`.

        Raises OSError where there is no room for the nodes, CertificateError.
        """
        assert self.blueprint is not None, "it runs"
        slots = self._assign(settings)
        tls = self.contexts(settings, slots)
        self._allot(slots)
        points = {**self.blueprint.placed, **(placed or {})}
        return replace(self.blueprint, settings=settings, slots=slots, tls=tls, placed=points)

    def fresh_stores(self, settings: file.Settings) -> dict[str, OpenStore]:
        """Those that do not run yet, or with certificates of before, not opened. Raises StoreError."""
        before = named_stores(self.blueprint.settings) if self.blueprint else {}
        running = self.keeping.stores.opened
        wanted = named_stores(settings)
        return {
            name: to_open(name, store)
            for name, store in wanted.items()
            if name not in running
            or before.get(name) != store
            or running[name].stamp != stamp_of_store(store)
        }

    def apply(self, after: Blueprint, fresh: Mapping[str, OpenStore] | None = None) -> None:
        """Make or change what runs, in one step of the event loop. `fresh`: stores, opened already."""
        before, self.blueprint = self.blueprint, after
        if fresh is not None:
            self._change_stores(after.settings, fresh)
        affinities = {
            name: affinity_of(name, service, after.secrets, after.slots[name])
            for name, service in after.settings.services.items()
        }
        shared = self._change_engine(after, affinities)
        for name in self.engine.services.keys() - after.settings.services.keys():
            self._remove(name)
        for name, service in after.settings.services.items():
            if before is None or name not in before.settings.services:
                self._add(name, after, affinities[name])
            elif shared or self._differs(name, before, after, fresh or {}):
                self._change(name, before, after, affinities[name])
            self.cookies[name] = cookie_of(name, service.affinity)
        self.engine.lead(routes_of(after.settings, self.engine.services))
        services = after.settings.services.items()
        self.cluster.aim(
            [
                target
                for name, each in services
                for target in targets_of(name, each, after.slots[name], after.tls[name])
            ]
        )

    def look(self) -> bool:
        """Let go of nodes that were taken out and have nothing left; whether there were any. To be called
        every second."""
        blueprint = self.blueprint
        assert blueprint is not None, "it runs"
        gone = {
            name: self._departures.departed(service, blueprint.slots[name], name)
            for name, service in blueprint.settings.services.items()
        }
        if not any(gone.values()):
            return False
        slots = {name: let_go(slots, gone[name]) for name, slots in blueprint.slots.items()}
        for name, indices in gone.items():
            for index in indices:
                logger.info("node gone: service=%s node=%s", name, slots[name][index].node.name)
        self.apply(replace(blueprint, slots=slots))
        return True

    # Private

    def _assign(self, settings: file.Settings) -> dict[str, tuple[Slot, ...]]:
        before: Mapping[str, tuple[Slot, ...]] = self.blueprint.slots if self.blueprint else {}
        return {
            name: assign(before.get(name, ()), service.nodes, self._departures.free(name))
            for name, service in settings.services.items()
        }

    def _allot(self, slots: Mapping[str, Sequence[Slot]]) -> None:
        """Raises OSError."""
        for name, each in slots.items():
            self._seat.allot(name, len(each))

    def _change_engine(self, after: Blueprint, affinities: Mapping[str, Affinity]) -> bool:
        """Whether something has changed that concerns every service."""
        engine, settings = self.engine, after.settings
        headers = frozenset(affinity.header for affinity in affinities.values() if affinity.header)
        before = engine.limits, engine.affinity_headers
        engine.change(
            limits_of(settings.limits),
            timeouts_of(settings.timeouts),
            forwarding_of(settings.forwarded),
            after.error_pages,
            headers,
        )
        return before != (engine.limits, engine.affinity_headers)

    def _change_stores(self, settings: file.Settings, fresh: Mapping[str, OpenStore]) -> None:
        stores = self.keeping.stores
        opened = {name: fresh.get(name) or stores.opened[name] for name in named_stores(settings)}
        if unused := stores.change(opened):
            self.keeping.see_off(close_stores(unused))

    def _differs(
        self, name: str, before: Blueprint, after: Blueprint, fresh: Mapping[str, OpenStore]
    ) -> bool:
        one, other = before.settings, after.settings
        service = other.services[name]
        return (
            one.services[name] != service
            or before.slots[name] != after.slots[name]
            or before.tls[name] is not after.tls[name]
            or before.secrets != after.secrets
            or one.node_keys[:1] != other.node_keys[:1]
            or any(store in fresh for store in service.sessions.stores)
        )

    def _add(self, name: str, blueprint: Blueprint, affinity: Affinity) -> None:
        engine, service, slots = self.engine, blueprint.settings.services[name], blueprint.slots[name]
        view = view_of(name, service, slots, blueprint.placed.get(name))
        watch = self._seat.watch(ServiceHealth(view, rules_of(service), self._now()))
        running = engine.services[name] = Service(
            name,
            addresses_of(service, slots, blueprint.tls[name]),
            engine,
            Router(watch.health.view(), random.random),
            affinity,
            watch,
            RetryBudget(service.retries.budget),
            options_of(service),
        )
        self._seat.count(running)
        watch.lead(running)
        self.cluster.add(watch)
        self._keep(name, blueprint)

    def _change(self, name: str, before: Blueprint, after: Blueprint, affinity: Affinity) -> None:
        running, watch = self.engine.services[name], self.cluster.watches[name]
        was, service, slots = before.settings.services[name], after.settings.services[name], after.slots[name]
        affinity.oversized = running.affinity.oversized
        anew = _anew(before.slots[name], slots)
        view = view_of(name, service, slots, after.placed.get(name), watch.health.view())
        watch.change(view, rules_of(service), anew)
        budget = running.budget
        if was.retries.budget != service.retries.budget:
            budget = RetryBudget(service.retries.budget)
        addresses = addresses_of(service, slots, after.tls[name])
        running.change(addresses, self.engine, affinity, budget, options_of(service))
        self._seat.count(running)
        for index, slot in enumerate(slots):
            self._departures.note(name, index, slot.membership)
            if slot.membership is Membership.GONE:
                running.nodes[index].pool.close_idle()
        self._keep(name, after)
        watch.publish()

    def _keep(self, name: str, blueprint: Blueprint) -> None:
        """Have its sessions kept, or no longer; exchanges under way end as they began."""
        settings, keeping = blueprint.settings, self.keeping
        service, slots = settings.services[name], blueprint.slots[name]
        running, watch = self.engine.services[name], self.cluster.watches[name]
        kept, plain = keeping.services.get(name), keeping.plain.get(name)
        if not service.sessions.uses_contract:
            if plain is not None:
                plain.change(watch.node_names)
                return
            keeping.remove(name)
            running.keeper = None
            keeping.add_plain(watch, lost_with(running, watch))
            self._seat.listen(running, None)
            return
        key = settings.node_keys[0].encode()
        if kept is not None:
            for peer in keep_on(kept, service, slots, key, keeping.stores, blueprint.tls[name]):
                keeping.see_off(peer.close(grace_seconds=PEER_SECONDS))
            return
        keeping.remove(name)
        running.lost.told = None
        kept = keep(
            service,
            slots,
            key,
            keeping.stores,
            watch,
            lambda: running.options.response_timeout,
            blueprint.tls[name],
        )
        running.keeper = kept.keeper
        keeping.add(name, kept)
        self._seat.listen(running, kept)

    def _remove(self, name: str) -> None:
        """Its exchanges under way go on to their ends."""
        service = self.engine.services.pop(name)
        del self.cluster.watches[name], self.cookies[name]
        self.keeping.remove(name)
        for node in service.nodes:
            node.pool.change(0, node.pool.most, 0)
        self._departures.forget(name)


def build(
    settings: file.Settings,
    secrets: Sequence[bytes],
    failed: Callable[[Timer, Exception], None],
    seat: Seat = Alone(),  # noqa: B008 - it has no state
) -> Runtime:
    """Everything but listeners and logs; nothing is opened. `failed` hears of timers that break.

    Raises StoreError where a store's certificates cannot be read, CertificateError where those for nodes.
    """
    engine = make_engine(settings, error_pages_of(settings.error_pages), failed)
    runtime = Runtime(engine, Stores(make_stores(settings)), seat=seat)
    runtime.apply(runtime.draw(settings, secrets))
    return runtime


def make_engine(
    settings: file.Settings, pages: ErrorPages, failed: Callable[[Timer, Exception], None]
) -> Engine:
    """One that serves nothing yet."""
    return Engine(
        limits_of(settings.limits),
        timeouts_of(settings.timeouts),
        forwarding_of(settings.forwarded),
        pages,
        frozenset(),
        failed,
    )


def _anew(before: Sequence[Slot], after: Sequence[Slot]) -> Collection[int]:
    """The indices of nodes of which nothing is known: new ones, those that are elsewhere, or back."""
    known = len(before)
    return [
        index
        for index, slot in enumerate(after)
        if index >= known
        or (before[index].node.name, before[index].node.url) != (slot.node.name, slot.node.url)
        or (before[index].membership is Membership.GONE and slot.membership is not Membership.GONE)
    ]
