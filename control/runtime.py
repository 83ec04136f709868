"""What runs, made from a blueprint and changed by the next one: who is the same in both notices nothing."""

import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from config import settings as file
from control.blueprint import Blueprint
from control.cluster import Cluster, Watch
from control.departures import Departures
from control.drafts import Draft, draft
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
from control.turns import GROUP, Steps, at_once
from control.wiring import cookie_of, error_pages_of, forwarding_of, limits_of, routes_of, timeouts_of
from proxy.engine import Engine
from proxy.error_pages import ErrorPages
from proxy.routes import Route
from proxy.service import Service
from proxy.wheel import Timer
from routing.budget import RetryBudget
from routing.health import ServiceHealth
from routing.ring import Placed
from routing.router import Router
from routing.states import Membership
from routing.table import RouteTable

logger = logging.getLogger("limpet.reload")

PEER_SECONDS = 2.0  # for calls that are under way at a node whose endpoint is called otherwise by now


class _Made(NamedTuple):
    """A service that nobody knows of yet."""

    service: Service
    watch: Watch


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

    def drawn(
        self,
        settings: file.Settings,
        secrets: Sequence[bytes],
        placed: Mapping[str, Placed] | None = None,
    ) -> Steps[Blueprint]:
        """The blueprint that follows the present one. `placed`: the points of rings, as far as known.

        Raises OSError where an error page cannot be read or there is no room for the nodes, CertificateError
        where a certificate for nodes cannot be read.
        """
        slots, tls = yield from self._laid_out(settings)
        return Blueprint(
            settings, tuple(secrets), slots, error_pages_of(settings.error_pages), tls, placed or {}
        )

    def redrawn(
        self, settings: file.Settings, placed: Mapping[str, Placed] | None = None
    ) -> Steps[Blueprint]:
        """The present blueprint with other nodes; nothing else differs. `placed`: as for `drawn`.

        Raises OSError where there is no room for the nodes, CertificateError.
        """
        assert self.blueprint is not None, "it runs"
        slots, tls = yield from self._laid_out(settings)
        points = {**self.blueprint.placed, **(placed or {})}
        return replace(self.blueprint, settings=settings, slots=slots, tls=tls, placed=points)

    def contexts(
        self, settings: file.Settings, slots: Mapping[str, tuple[Slot, ...]]
    ) -> Steps[Mapping[str, ssl.SSLContext | None]]:
        """By service, the TLS for its nodes. Raises CertificateError."""
        contexts = {}
        for name, service in settings.services.items():
            contexts[name] = self._contexts.context(name, service.tls, slots[name])
            yield
        return contexts

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

    def changes(self, after: Blueprint, fresh: Mapping[str, OpenStore] | None = None) -> Steps[None]:
        """Make or change what runs. `fresh`: stores, opened already.

        What may fail comes first, while nothing has changed. Then each service changes in one step: no
        request sees half of it. The last that clients notice are the routes, by which services come and go.
        """
        before = self.blueprint
        drafts = yield from self._drafts(after, fresh or {})
        made = yield from self._made(after, drafts)
        services = {**self.engine.services, **{name: new.service for name, new in made.items()}}
        routes = yield from routes_of(after.settings, services)
        if fresh is not None:
            self._change_stores(after.settings, fresh)
        shared = self._change_engine(after, drafts)
        yield
        for name, new in made.items():
            self._add(new, after, drafts[name])
            yield
        for name in [each for each in drafts if each not in made]:
            assert before is not None, "it has services"
            self._change(name, before, after, drafts[name])
            yield
        if shared:
            for running in self.engine.services.values():
                running.settle(self.engine)
                yield
        self._switch(after, routes)
        yield
        for name in self.engine.services.keys() - after.settings.services.keys():
            self._remove(name)
            yield from self.cluster.aim(name, ())
        for name, drafted in drafts.items():
            yield from self.cluster.aim(name, drafted.targets)

    def parted(self) -> Blueprint | None:
        """The present blueprint without nodes that were taken out and have nothing left; None where all stay.
        To be asked every second."""
        blueprint = self.blueprint
        assert blueprint is not None, "it runs"
        gone = {
            name: self._departures.departed(service, blueprint.slots[name], name)
            for name, service in blueprint.settings.services.items()
        }
        if not any(gone.values()):
            return None
        slots = {
            name: let_go(slots, gone[name]) if gone[name] else slots
            for name, slots in blueprint.slots.items()
        }
        for name, indices in gone.items():
            for index in indices:
                logger.info("node gone: service=%s node=%s", name, slots[name][index].node.name)
        return replace(blueprint, slots=slots)

    # Private

    def _laid_out(
        self, settings: file.Settings
    ) -> Steps[tuple[Mapping[str, tuple[Slot, ...]], Mapping[str, ssl.SSLContext | None]]]:
        """The slots, for which there is room, and the TLS for their nodes."""
        before: Mapping[str, tuple[Slot, ...]] = self.blueprint.slots if self.blueprint else {}
        slots = {}
        for name, service in settings.services.items():
            slots[name] = assign(before.get(name, ()), service.nodes, self._departures.free(name))
            yield
        tls = yield from self.contexts(settings, slots)
        for name, each in slots.items():
            self._seat.allot(name, len(each))
        return slots, tls

    def _drafts(self, after: Blueprint, fresh: Mapping[str, OpenStore]) -> Steps[dict[str, Draft]]:
        """Of services that are new, or to be otherwise."""
        before, drafts = self.blueprint, {}
        for name in after.settings.services:
            running = self.engine.services.get(name)
            if before is None or running is None or self._differs(name, before, after, fresh):
                slots = before.slots[name] if before is not None and running is not None else ()
                kept = self.keeping.services.get(name)
                drafts[name] = yield from draft(name, after, slots, running, kept)
            yield
        return drafts

    def _made(self, blueprint: Blueprint, drafts: Mapping[str, Draft]) -> Steps[dict[str, _Made]]:
        """The services that are new; nobody knows of them yet."""
        made: dict[str, _Made] = {}
        for name in [each for each in drafts if each not in self.engine.services]:  # in the order of the file
            made[name] = yield from self._make(name, blueprint.settings.services[name], drafts[name])
        return made

    def _make(self, name: str, service: file.Service, draft: Draft) -> Steps[_Made]:
        watch = self._seat.watch(ServiceHealth(draft.view, draft.rules, self._now()))
        yield
        made = Service(
            name,
            draft.addresses[:GROUP],
            self.engine,
            Router(watch.health.view(), random.random),
            draft.affinity,
            watch,
            RetryBudget(service.retries.budget),
            draft.options,
        )
        yield
        for most in range(2 * GROUP, len(draft.addresses) + GROUP, GROUP):
            made.change(draft.addresses[:most], self.engine, draft.affinity, made.budget, draft.options)
            yield
        return _Made(made, watch)

    def _change_engine(self, after: Blueprint, drafts: Mapping[str, Draft]) -> bool:
        """Whether something has changed that concerns every service."""
        engine, settings = self.engine, after.settings
        affinities = [service.affinity for service in engine.services.values()]
        affinities += [each.affinity for each in drafts.values()]
        # With those that were in use until now, since services change one by one; the next change drops them.
        headers = frozenset(affinity.header for affinity in affinities if affinity.header)
        before = engine.limits, engine.affinity_headers
        engine.change(
            limits_of(settings.limits),
            timeouts_of(settings.timeouts),
            forwarding_of(settings.forwarded),
            after.error_pages,
            headers,
        )
        return before != (engine.limits, engine.affinity_headers)

    def _switch(self, after: Blueprint, routes: RouteTable[Route]) -> None:
        """Have requests go by it."""
        self.blueprint = after
        for name, service in after.settings.services.items():
            self.cookies[name] = cookie_of(name, service.affinity)
        self.engine.lead(routes)

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
            (one.services[name] is not service and one.services[name] != service)
            or before.slots[name] != after.slots[name]
            or before.tls[name] is not after.tls[name]
            or before.secrets != after.secrets
            or one.node_keys[:1] != other.node_keys[:1]
            or any(store in fresh for store in service.sessions.stores)
        )

    def _add(self, new: _Made, blueprint: Blueprint, draft: Draft) -> None:
        running, watch = new
        self.engine.services[running.name] = running
        self._seat.count(running)
        watch.lead(running)
        self.cluster.add(watch)
        self._keep(running, blueprint, draft)
        self._seat.inform(watch)

    def _change(self, name: str, before: Blueprint, after: Blueprint, draft: Draft) -> None:
        running, watch = self.engine.services[name], self.cluster.watches[name]
        was, service, slots = before.settings.services[name], after.settings.services[name], after.slots[name]
        draft.affinity.oversized = running.affinity.oversized
        watch.change(draft.view, draft.rules, draft.anew)
        budget = running.budget
        if was.retries.budget != service.retries.budget:
            budget = RetryBudget(service.retries.budget)
        running.change(draft.addresses, self.engine, draft.affinity, budget, draft.options)
        self._seat.count(running)
        for index, slot in enumerate(slots):
            self._departures.note(name, index, slot.membership)
            if slot.membership is Membership.GONE:
                running.nodes[index].pool.close_idle()
        self._keep(running, after, draft)
        self._seat.inform(watch)
        watch.publish()

    def _keep(self, running: Service, blueprint: Blueprint, draft: Draft) -> None:
        """Have its sessions kept, or no longer; exchanges under way end as they began."""
        settings, keeping, name = blueprint.settings, self.keeping, running.name
        service, watch = settings.services[name], self.cluster.watches[name]
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
            for peer in keep_on(kept, service, draft.lines, draft.peers, key, keeping.stores):
                keeping.see_off(peer.close(grace_seconds=PEER_SECONDS))
            return
        keeping.remove(name)
        running.lost.told = None
        kept = keep(
            service,
            draft.lines,
            draft.peers,
            key,
            keeping.stores,
            watch,
            lambda: running.options.response_timeout,
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
    at_once(runtime.changes(at_once(runtime.drawn(settings, secrets))))
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
