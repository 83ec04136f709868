"""Completes the settings with the nodes that were found, and says when there are others."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import TypedDict

from config.addresses import NodeUrl
from config.checks import leads_to
from config.discovery_settings import Discover
from config.settings import Node, Service, Settings
from control.discovery.file_source import FileSource
from control.discovery.lookout import Changed, Lookout
from control.discovery.source import Source

FIRST_SECONDS = 5.0  # that the first look may take: clients wait, or a reload


class DiscoveryFacts(TypedDict):
    """Where a service's nodes are found. `up`: the last look had no `problem`; `nodes`: how many are known.

    `tried`: the last look, `found`: the last that showed something, in unix seconds; None for never.
    """

    service: str
    source: str
    up: bool
    problem: str
    nodes: int
    tried: float | None
    found: float | None


Lookouts = dict[str, Lookout]


class Discovery:
    """Of all services of a process."""

    def __init__(self) -> None:
        self._settings: Settings | None = None  # as the file has them
        self._lookouts: Lookouts = {}
        self._changed: Changed | None = None

    async def prepare(self, settings: Settings) -> Lookouts:
        """Who will look for the nodes of each service. New ones have looked once, or had the time to.

        One whose `discover` has changed begins with the nodes that are known.
        """
        lookouts = {
            name: self._lookout(name, service.discover)
            for name, service in settings.services.items()
            if service.discover is not None
        }
        fresh = [each for name, each in lookouts.items() if each is not self._lookouts.get(name)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                await asyncio.gather(*(each.look() for each in fresh))
        return lookouts

    def go_by(self, settings: Settings, lookouts: Lookouts) -> list[Lookout]:
        """Have these look from now on; those that are no longer needed, for the caller to stop."""
        before, self._settings, self._lookouts = self._lookouts, settings, lookouts
        if self._changed is not None:
            self._begin([each for name, each in lookouts.items() if each is not before.get(name)])
        return [each for name, each in before.items() if each is not lookouts.get(name)]

    async def insist(self) -> None:
        """Look until every service that has its nodes found has some."""
        await asyncio.gather(*(each.insist() for each in self._lookouts.values()))

    def start(self, changed: Changed) -> None:
        """Look again and again. `changed` is awaited whenever there are other nodes."""
        self._changed = changed
        self._begin(list(self._lookouts.values()))

    @property
    def settings(self) -> Settings:
        """Those that are gone by, with the nodes that were found."""
        assert self._settings is not None, "it goes by some"
        return completed(self._settings, self._lookouts)

    def facts(self) -> list[DiscoveryFacts]:
        return [_facts(each) for each in self._lookouts.values()]

    def _lookout(self, name: str, discover: Discover) -> Lookout:
        known = self._lookouts.get(name)
        if known is not None and known.discover == discover:
            return known
        return Lookout(name, discover, source_of(discover), known.nodes if known is not None else ())

    def _begin(self, lookouts: Sequence[Lookout]) -> None:
        assert self._changed is not None, "it was started"
        for each in lookouts:
            each.start(self._changed)


def completed(settings: Settings, lookouts: Lookouts) -> Settings:
    """The same with the nodes that were found, beside those of the file."""
    services = dict(settings.services)
    for name, lookout in lookouts.items():
        service = services[name]
        nodes = (*service.nodes, *_more(settings, service, lookout.nodes))
        services[name] = service.model_copy(update={"nodes": nodes})
    return settings.model_copy(update={"services": services})


def source_of(discover: Discover) -> Source:
    if discover.files:
        return FileSource(discover)
    from control.discovery.dns_source import DnsSource  # 60 ms to import: only where it is needed

    return DnsSource(discover)


async def stop_all(lookouts: Sequence[Lookout]) -> None:
    await asyncio.gather(*(each.stop() for each in lookouts))


def _more(settings: Settings, service: Service, found: tuple[Node, ...]) -> Iterator[Node]:
    """Those that are not known by name or place already, and are not Limpet itself."""
    names = {node.name for node in service.nodes}
    places = {str(node.url) for node in service.nodes}
    for node in found:
        if node.name not in names and str(node.url) not in places and not _own(settings, node.url):
            names.add(node.name)
            places.add(str(node.url))
            yield node


def _own(settings: Settings, url: NodeUrl) -> bool:
    own = [*(listener.address for listener in settings.listen), settings.admin.listen]
    return any(leads_to(url, address) for address in own)


def _facts(lookout: Lookout) -> DiscoveryFacts:
    return {
        "service": lookout.service,
        "source": str(lookout.discover),
        "up": not lookout.problem and lookout.found > 0,
        "problem": lookout.problem or ("" if lookout.found else "no answer yet"),
        "nodes": len(lookout.nodes),
        "tried": round(lookout.tried, 3) or None,
        "found": round(lookout.found, 3) or None,
    }
