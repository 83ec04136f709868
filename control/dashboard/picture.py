"""Everything that the dashboard shows, looked at once a second however many watch it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypedDict

from control.build import version
from control.cluster import Cluster, Watch
from control.dashboard.arcs import owners
from control.dashboard.history import History, Lines
from control.discovery.discovery import DiscoveryFacts
from control.failovers import FailoverFacts
from control.keeping import Keeping, Kept
from control.overview import ConfigFacts, NodeFacts, ServiceFacts, node_facts, service_facts
from control.pace import Paces
from control.staff import Staff, WorkerFacts
from proxy.engine import Engine
from proxy.service import Service
from routing.states import Membership
from routing.view import ServiceView

SECONDS = 1.0  # between two looks
TURN = 20  # nodes at a time: about 0.7 ms, after which the event loop does its other work
STEP, NODE_STEP = 5, 30  # seconds between two points of a service's history, and of a node's: whole steps
SERVICE_LINES = ("requests_per_second", "errors_per_second", "p50_ms", "p99_ms", "sessions", "lost")
NODE_LINES = ("requests_per_second", "errors_per_second")

Points = Mapping[str, tuple[float | None, ...]]


class State(TypedDict):
    """What changes all the time, but for the nodes; `time` in unix seconds."""

    time: float
    version: str
    stopping: bool
    config: ConfigFacts
    connections: int
    rejected: int
    services: list[ServiceFacts]
    discovery: list[DiscoveryFacts]
    stores: list[dict[str, Any]]
    failovers: list[FailoverFacts]
    workers: list[WorkerFacts]


class Parts(TypedDict):
    """A service's ring: for each of equal parts of it, an index into `nodes`, or -1."""

    service: str
    nodes: list[str]
    owners: list[int]


class Picture:
    """What is known now, and was in the last hour."""

    def __init__(
        self,
        engine: Engine,
        cluster: Cluster,
        keeping: Keeping,
        paces: Paces,
        config: Callable[[], ConfigFacts],
        staff: Staff,
        discovery: Callable[[], list[DiscoveryFacts]] = list,
    ) -> None:
        """`config`: how the file was last read; `discovery`: how nodes are found."""
        self._staff = staff
        self.rings: dict[str, Parts] = {}
        self.state = ""  # as JSON
        self.point = ""  # the latest of the history, as JSON
        self.services = History(STEP, SERVICE_LINES)
        self.nodes = History(NODE_STEP, NODE_LINES)
        self._engine = engine
        self._cluster = cluster
        self._keeping = keeping
        self._paces = paces
        self._config = config
        self._discovery = discovery
        self._version = version()  # 0.3 ms to look up
        self._views: dict[str, ServiceView] = {}
        self._ticks = 0

    async def look(self, watched: bool) -> None:
        """To be called every second; one service a turn of the loop, so that many hold no request up.

        Where nobody watches, only what the history needs is looked at.
        """
        await self._staff.refresh()
        due, nodes_due = self._ticks % STEP == 0, self._ticks % NODE_STEP == 0
        self._ticks += 1
        services: list[ServiceFacts] = []
        nodes: list[str] = []  # as JSON
        rates: dict[str, tuple[float | None, ...]] = {}
        async for service, watch, kept in self._each():
            self._paces.look(service)
            self._draw(service)
            if watched and kept is not None:
                kept.reconciler.freshen()
            if watched or due:
                services.append(service_facts(service, kept, self._paces.service(service.name)))
            if watched or nodes_due:
                for fact in node_facts(service, watch, kept, self._paces):
                    nodes.append(json.dumps(fact))
                    rates[f"{fact['service']}/{fact['node']}"] = _rates(fact)
                    if len(nodes) % TURN == 0:
                        await asyncio.sleep(0)
        self._forget()
        if due:
            now = round(time.time(), 1)
            points = {fact["service"]: _point(fact) for fact in services}
            self._remember(now, points, rates if nodes_due else {})
        self.state = self._state(services, nodes) if watched else ""

    def history(self) -> dict[str, Lines]:
        return {"services": self.services.lines(), "nodes": self.nodes.lines()}

    async def _each(self) -> AsyncIterator[tuple[Service, Watch, Kept | None]]:
        for name in list(self._engine.services):
            if name in self._engine.services and name in self._cluster.watches:
                kept = self._keeping.services.get(name)
                yield self._engine.services[name], self._cluster.watches[name], kept
                await asyncio.sleep(0)

    def _draw(self, service: Service) -> None:
        view = service.router.view
        if self._views.get(service.name) is not view:
            self._views[service.name] = view
            gone = Membership.GONE
            names = ["" if node.membership is gone else node.name for node in view.nodes]
            self.rings[service.name] = {"service": service.name, "nodes": names, "owners": owners(view)}

    def _forget(self) -> None:
        """What is no longer configured."""
        self._paces.keep_only(list(self._engine.services.values()))
        for name in self.rings.keys() - self._engine.services.keys():
            del self.rings[name], self._views[name]

    def _remember(self, now: float, points: Points, nodes: Points) -> None:
        """`nodes`: empty where their next point is not due yet."""
        self.services.add(now, points)
        if nodes:
            self.nodes.add(now, nodes)
        self.point = json.dumps({"time": now, "services": points, "nodes": nodes})

    def _state(self, services: list[ServiceFacts], nodes: list[str]) -> str:
        engine, stores = self._engine, self._keeping.stores.opened
        state: State = {
            "time": round(time.time(), 3),
            "version": self._version,
            "stopping": engine.stopping,
            "config": self._config(),
            "connections": engine.counters.connections,
            "rejected": sum(engine.counters.rejected.values()),
            "services": services,
            "discovery": self._discovery(),
            "stores": [{"store": name, "up": store.up} for name, store in stores.items()],
            "failovers": self._keeping.failovers(),
            "workers": self._staff.facts(),
        }
        return f'{json.dumps(state)[:-1]}, "nodes": [{", ".join(nodes)}]}}'


def _rates(fact: NodeFacts) -> tuple[float | None, ...]:
    """In the order of NODE_LINES."""
    return fact["requests_per_second"], fact["errors_per_second"]


def _point(fact: ServiceFacts) -> tuple[float | None, ...]:
    """In the order of SERVICE_LINES."""
    rates = fact["requests_per_second"], fact["errors_per_second"]
    return *rates, fact["p50_ms"], fact["p99_ms"], fact["sessions"], fact["lost"]
