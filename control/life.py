"""The process while it serves: what it listens on, its signals, and how it comes to its end."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial

from aiohttp import web

from config.addresses import Address
from control.certificates import reload_all
from control.listening import Place
from control.notify import Notifier
from control.runtime import Runtime
from proxy.engine import Engine
from proxy.site import ProxySite

logger = logging.getLogger("limpet")

STOPPING = (signal.SIGTERM, signal.SIGINT)
GLANCE_SECONDS = 0.02  # between two looks at whether the last exchange has ended
TURN_SECONDS = 300.0  # a window of the sessions seen lately
RENEWAL_SECONDS = 60.0  # between two looks at whether certificates were renewed


class ListenError(Exception):
    """An address cannot be listened on; the message says which, and why."""


class Life:
    """Owns the sites, the tasks and the signals of one process."""

    def __init__(self, runtime: Runtime, runner: web.AppRunner, notifier: Notifier) -> None:
        self._runtime = runtime
        self._runner = runner
        self._notifier = notifier
        self._sites: list[ProxySite] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def live(
        self, listen: Sequence[Place], admin: Address, grace: float, reopen: Callable[[], None] | None
    ) -> int:
        """Serve until the first signal, then end within `grace` seconds, or at the second; the exit code.

        Raises ListenError where an address cannot be listened on, StoreError where a store can never work.
        """
        self._heed_signals(reopen)
        try:
            await self._runner.setup()
            await self._runtime.keeping.open()
            await self._listen(listen, admin)
            self._begin()
            await self._stop.wait()
            await self._wind_down(grace)
        finally:
            await self._end()
        return 0

    def _heed_signals(self, reopen: Callable[[], None] | None) -> None:
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGUSR1, reopen or _nothing)

    def _told_to_stop(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def _listen(self, listen: Sequence[Place], admin: Address) -> None:
        """The admin port last: when it answers that the proxy is ready, that is so."""
        for place in listen:
            engine, address = self._runtime.engine, place.address
            proxy = ProxySite(self._runner, engine, address.host, address.port, address.path, place.door)
            await _start(proxy, address)
            self._sites.append(proxy)
        site: web.BaseSite
        if admin.path:
            site = web.UnixSite(self._runner, admin.path)
        else:
            site = web.TCPSite(self._runner, admin.host, admin.port)
        await _start(site, admin)
        served = [site.url for site in self._sites]
        certificates = [place.certificates for place in listen if place.certificates is not None]
        self._tasks.append(asyncio.create_task(_ticking(partial(reload_all, certificates), RENEWAL_SECONDS)))
        port = site.port if isinstance(site, web.TCPSite) else 0
        _introduce(self._runtime.engine, served, Address(admin.host, port, admin.path))

    def _begin(self) -> None:
        engine = self._runtime.engine
        self._runtime.cluster.start()
        self._tasks += [
            asyncio.create_task(_ticking(engine.tick, engine.TICK)),
            asyncio.create_task(_ticking(self._turn_sightings, TURN_SECONDS)),
        ]
        if (seconds := self._notifier.watchdog_seconds) is not None:
            self._tasks.append(asyncio.create_task(_ticking(self._bark, seconds)))
        self._notifier.send("READY=1", f"STATUS=serving {len(engine.services)} services")

    async def _wind_down(self, grace: float) -> None:
        """Accept nobody, let what is under way end; `/readyz` and `/metrics` answer meanwhile."""
        engine = self._runtime.engine
        self._notifier.send("STOPPING=1", f"STATUS=waiting for {len(engine.clients)} clients")
        logger.info("stopping: up to %g s for what is under way (once more: at once)", grace)
        for site in self._sites:
            await site.stop()
        engine.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while engine.clients and not self._hurry.is_set():  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(GLANCE_SECONDS)
        if engine.clients:
            logger.warning("cut off connections of clients: %d", len(engine.clients))
            engine.cut()

    async def _end(self) -> None:
        await self._runtime.keeping.close()
        await self._runtime.cluster.stop()
        for task in self._tasks:
            task.cancel()
        for service in self._runtime.engine.services.values():
            for node in service.nodes:
                node.pool.close_idle()
        await self._runner.cleanup()

    def _turn_sightings(self) -> None:
        for service in self._runtime.engine.services.values():
            for node in service.nodes:
                node.sightings.turn()

    def _bark(self) -> None:
        self._notifier.send("WATCHDOG=1")


async def _start(site: web.BaseSite, address: Address) -> None:
    try:
        await site.start()
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise ListenError(f"cannot listen on {address}: {why}") from error


async def _ticking(act: Callable[[], object], seconds: float) -> None:
    """Do it every so often, for ever; one that breaks is logged, and the next comes all the same."""
    while True:
        await asyncio.sleep(seconds)
        try:
            act()
        except Exception:  # a task's boundary
            logger.exception("what is done every %g s broke", seconds)


def _introduce(engine: Engine, served: Sequence[str], admin: Address) -> None:
    """A few lines that say what is served, and where to look."""
    for url in served:
        logger.info("serving on %s", url)
    for service in engine.services.values():
        names = ", ".join(
            f"{node.name} ({_place(node.address.path, node.authority)})" for node in service.nodes[:5]
        )
        more = f" and {len(service.nodes) - 5} more" if len(service.nodes) > 5 else ""
        logger.info("service %s: %s%s", service.name, names, more)
    logger.info("admin: %s (/metrics, /readyz, /api/nodes)", admin if admin.path else f"http://{admin}")


def _place(path: str, authority: bytes) -> str:
    return f"unix:{path}" if path else authority.decode()


def _nothing() -> None:
    """SIGUSR1 without a log to reopen."""
