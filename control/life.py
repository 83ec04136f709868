"""The process while it serves: its signals, what is done every so often, and how it comes to its end."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import NamedTuple

from aiohttp import web

from config.addresses import Address
from config.listener_settings import Listener
from control.notify import Notifier
from control.punctuality import Punctuality
from control.reload import Reload
from control.repeating import repeat, repeat_whole
from control.runtime import Runtime
from control.sites import Sites
from control.staff import Staff
from control.upgrade import UpgradeError
from proxy.engine import Engine

logger = logging.getLogger("limpet")

STOPPING = (signal.SIGTERM, signal.SIGINT)
GLANCE_SECONDS = 0.02  # between two looks at whether the last exchange has ended
TURN_SECONDS = 300.0  # a window of the sessions seen lately
LOOK_SECONDS = 1.0  # between two looks at what has become of nodes that were taken out
RENEWAL_SECONDS = 60.0  # between two looks at whether certificates were renewed


class Duties(NamedTuple):
    """What others do, and when.

    `reload`: upon SIGHUP; `upgrade`: upon SIGUSR2; `reopen`: the access log's file, upon SIGUSR1; `let_go`:
    every second; `watch`: for ever; `serving`: once, when clients are served.
    """

    reload: Reload
    upgrade: Callable[[], Awaitable[int]]
    reopen: Callable[[], None]
    let_go: Callable[[], Awaitable[None]]
    watch: Callable[[], Coroutine[None, None, None]]
    serving: Callable[[], None]


class Life:
    """Owns the tasks and the signals of one process."""

    def __init__(
        self, runtime: Runtime, runner: web.AppRunner, sites: Sites, staff: Staff, notifier: Notifier
    ) -> None:
        self._runtime = runtime
        self._staff = staff
        self._runner = runner
        self._sites = sites
        self._notifier = notifier
        self._told_tasks: set[asyncio.Task[None]] = set()  # that a signal has begun
        self._aside = False
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        counters = runtime.engine.counters
        self._punctuality = Punctuality(counters.delays, counters.stalls)

    async def live(self, listen: Sequence[Listener], admin: Address, duties: Duties) -> int:
        """Serve until told to stop, then end within the grace, or at the second signal; the exit code.

        Raises ListenError where an address cannot be listened on, StoreError where a store can never work.
        """
        self._heed_signals(duties)
        try:
            await self._runner.setup()
            await self._runtime.keeping.open()
            await self._sites.open(listen, None)
            await self._staff.start()
            await self._sites.open(listen, admin)
            _introduce(self._runtime.engine, self._sites)
            self._begin()
            self._tasks.append(asyncio.create_task(repeat_whole(duties.let_go, LOOK_SECONDS)))
            self._tasks.append(asyncio.create_task(duties.watch()))
            duties.serving()
            await self._stop.wait()
            await self._wind_down(self._runtime.settings.timeouts.grace)
        finally:
            await self._end()
        return 0

    def step_aside(self, pid: int) -> None:
        """Another process serves the clients that come from now on; end with those that there are."""
        self._notifier.send(f"MAINPID={pid}")
        logger.info("upgrade: process %d serves from now on", pid)
        self._aside = True
        self._stop.set()

    def _heed_signals(self, duties: Duties) -> None:
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGUSR1, duties.reopen)
        loop.add_signal_handler(signal.SIGHUP, self._told, self._reload, duties)
        loop.add_signal_handler(signal.SIGUSR2, self._told, self._upgrade, duties)

    def _told(self, act: Callable[[Duties], Coroutine[None, None, None]], duties: Duties) -> None:
        task = asyncio.create_task(act(duties))
        self._told_tasks.add(task)
        task.add_done_callback(self._told_tasks.discard)

    async def _reload(self, duties: Duties) -> None:
        """With what systemd wants to hear of it (sd_notify(3), `Type=notify-reload`)."""
        self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            loading = await duties.reload("SIGHUP")
            word = "serving" if loading.ok else "serving; the last reload was refused"
        except Exception:  # a task's boundary
            logger.exception("reloading broke")
            word = "serving; the last reload broke"
        self._notifier.send("READY=1", f"STATUS={word}")

    async def _upgrade(self, duties: Duties) -> None:
        try:
            await duties.upgrade()
        except UpgradeError as error:
            logger.error("no upgrade: %s", error)
        except Exception:  # a task's boundary
            logger.exception("upgrading broke")

    def _told_to_stop(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()

    def _begin(self) -> None:
        engine = self._runtime.engine
        self._runtime.cluster.start()
        self._punctuality.start()
        self._tasks += [
            asyncio.create_task(repeat(engine.tick, engine.TICK)),
            asyncio.create_task(repeat(self._turn_sightings, TURN_SECONDS)),
            asyncio.create_task(repeat(self._sites.renew, RENEWAL_SECONDS)),
        ]
        if (seconds := self._notifier.watchdog_seconds) is not None:
            self._tasks.append(asyncio.create_task(repeat(self._bark, seconds)))
        self._notifier.send("READY=1", f"STATUS=serving {len(engine.services)} services")

    async def _wind_down(self, grace: float) -> None:
        """Accept nobody, let what is under way end; `/readyz` and `/metrics` answer meanwhile."""
        staff = self._staff
        if not self._aside:  # to systemd that would be the end of the service
            self._notifier.send("STOPPING=1", f"STATUS=waiting for {self._staff.clients} clients")
        logger.info("stopping: up to %g s for what is under way (once more: at once)", grace)
        await self._sites.close_doors(admin_too=self._aside)
        staff.stop(self._aside)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while staff.clients and not self._hurry.is_set():  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(GLANCE_SECONDS)
        staff.stop(False)
        if staff.clients:
            logger.warning("cut off connections of clients: %d", staff.clients)
            staff.cut()

    async def _end(self) -> None:
        await self._staff.end()
        self._punctuality.stop()
        await self._runtime.keeping.close()
        await self._runtime.cluster.stop()
        for task in (*self._tasks, *self._told_tasks):
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


def _introduce(engine: Engine, sites: Sites) -> None:
    """A few lines that say what is served, and where to look."""
    admin = sites.admin
    for url in sites.served:
        logger.info("serving on %s", url)
    for service in engine.services.values():
        names = ", ".join(
            f"{node.name} ({_place(node.address.path, node.authority)})" for node in service.nodes[:5]
        )
        more = f" and {len(service.nodes) - 5} more" if len(service.nodes) > 5 else ""
        logger.info("service %s: %s%s", service.name, names, more)
    logger.info(
        "admin: %s (the dashboard; /metrics, /readyz, /api/nodes)", admin if admin.path else f"http://{admin}"
    )


def _place(path: str, authority: bytes) -> str:
    return f"unix:{path}" if path else authority.decode()
