"""Reads the configuration file again: all of it is taken, at once, or nothing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from config.certificates import CertificateError
from config.problems import ConfigError
from config.settings import Settings
from control.blueprint import Blueprint
from control.discovery.discovery import Discovery, completed, stop_all
from control.line_writer import LineWriter
from control.log_file import LogFile
from control.open_files import allow_files
from control.own_secret import SecretError
from control.placing import placed_anew
from control.reading import Read
from control.runtime import Runtime
from control.sites import ListenError, Sites
from control.stores import OpenStore, close_stores, open_stores
from control.traces import Sender, Traces, TracingError
from control.turns import in_turns
from routing.ring import Placed
from sessions.stores.store import StoreError

logger = logging.getLogger("limpet.reload")


@dataclass
class Loading:
    """How the file was last read: what the admin API says of it. Times are unix seconds.

    `loaded`: when it was last good; `tried`: when it was last read, `by` whom; `problems`: what was wrong.
    """

    file: str
    loaded: float
    tried: float
    by: str = "start"
    problems: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        return not self.problems

    def note(self, now: float, by: str, problems: Sequence[str]) -> None:
        """It was read once more."""
        self.tried, self.by, self.problems = now, by, problems
        if not problems:
            self.loaded = now


Take = Callable[[Settings, Sequence[bytes], LineWriter | None, Sender | None], None]


class _Prepared(NamedTuple):
    """All that can fail, done, and nothing changed yet."""

    blueprint: Blueprint
    stores: Mapping[str, OpenStore]
    writer: LineWriter | None
    sender: Sender | None


class Reloader:
    """Of one process. `take`: has what is not the runtime's go by the settings, in the same step."""

    def __init__(
        self,
        loading: Loading,
        read: Callable[[], Awaitable[tuple[Read, Sequence[bytes]]]],
        runtime: Runtime,
        sites: Sites,
        logs: LogFile,
        traces: Traces,
        take: Take,
        follow: Callable[[], Awaitable[None]],
        discovery: Discovery,
    ) -> None:
        """`read`: the file, and the secrets; raises ConfigError, SecretError, OSError.

        `follow`: has others that serve clients do the same.
        """
        self.loading = loading
        self._read = read
        self._runtime = runtime
        self._sites = sites
        self._logs = logs
        self._traces = traces
        self._take = take
        self._follow = follow
        self._discovery = discovery
        self._one = asyncio.Lock()

    async def reload(self, by: str) -> Loading:
        """Read the file, and go by it if it is good. `by`: who asked, for the log."""
        async with self._one:
            problems = await self._problems()
            for problem in problems:
                logger.error("configuration refused (%s), nothing has changed: %s", by, problem)
            if not problems:
                logger.info("configuration loaded (%s)", by)
            self.loading.note(time.time(), by, problems)
            return self.loading

    async def take_nodes(self) -> None:
        """Go by the nodes that were found lately; all else is as it was. Raises CertificateError, OSError."""
        async with self._one:
            settings = self._discovery.settings
            placed = await placed_anew(self._runtime.settings, settings)
            blueprint = await in_turns(self._runtime.redrawn(settings, placed))
            await in_turns(self._runtime.changes(blueprint))
            await self._follow()

    async def let_go(self) -> None:
        """Of nodes that were taken out and have nothing left. To be called every second."""
        async with self._one:
            if (blueprint := self._runtime.parted()) is not None:
                await in_turns(self._runtime.changes(blueprint))
                await self._follow()

    async def _problems(self) -> list[str]:
        """Reload; what kept that from being done."""
        try:
            await self._reload()
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        except (SecretError, CertificateError, StoreError, ListenError, TracingError, OSError) as error:
            return [str(error)]
        return []

    async def _reload(self) -> None:
        (settings, placed), secrets = await self._read()
        lookouts = await self._discovery.prepare(settings)
        whole = completed(settings, lookouts)
        prepared = await self._prepare(whole, secrets, {**placed, **await placed_anew(settings, whole)})
        try:
            opened = await self._sites.open(settings.listen, settings.admin.listen)
        except (ListenError, CertificateError):
            await self._discard(prepared)
            raise
        allow_files(settings.limits.connections)
        was, sent = self._logs.writer, self._traces.sender
        await in_turns(self._runtime.changes(prepared.blueprint, prepared.stores))
        self._take(settings, secrets, prepared.writer, prepared.sender)
        unused = self._discovery.go_by(settings, lookouts)
        await stop_all(unused)
        await self._sites.settle(opened, settings.listen, settings.admin.listen)
        await self._follow()
        await _close(was, prepared.writer)
        await _close(sent, prepared.sender)

    async def _prepare(
        self, settings: Settings, secrets: Sequence[bytes], placed: Mapping[str, Placed]
    ) -> _Prepared:
        """Raises OSError, StoreError, CertificateError, TracingError."""
        blueprint = await in_turns(self._runtime.drawn(settings, secrets, placed))
        stores = self._runtime.fresh_stores(settings)
        sender: Sender | None = None
        try:
            await open_stores(stores.values())
            sender = await asyncio.to_thread(self._traces.sender_for, settings.tracing)
            return _Prepared(blueprint, stores, self._logs.writer_for(settings.access_log), sender)
        except (StoreError, TracingError, OSError):
            await close_stores(stores.values())
            await _close(sender, self._traces.sender)
            raise

    async def _discard(self, prepared: _Prepared) -> None:
        await close_stores(prepared.stores.values())
        await _close(prepared.writer, self._logs.writer)
        await _close(prepared.sender, self._traces.sender)


async def _close(one: LineWriter | Sender | None, stays: LineWriter | Sender | None) -> None:
    """Have a thread put in order what is not used (any more)."""
    if one is not None and one is not stays:
        await asyncio.to_thread(one.close)


Reload = Callable[[str], Awaitable[Loading]]
