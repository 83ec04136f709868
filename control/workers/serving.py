"""What serves in a worker: the byte path, the keepers and the sites, by the plan that control has sent."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from itertools import islice

from aiohttp import web

from config.settings import Settings
from control.blueprint import Blueprint
from control.line_writer import LineWriter
from control.log_file import LogFile
from control.open_files import allow_files
from control.punctuality import Punctuality
from control.repeating import repeat
from control.runtime import Runtime, make_engine
from control.sites import ClientSite, Sites, served_here
from control.stores import Stores, make_stores, open_stores
from control.traces import Sender, Traces, tracing_of
from control.turns import in_turns
from control.wiring import access_log
from control.workers.board import Board
from control.workers.messages import FromWorker, Plan, Sketch, StandIn, States, Unprotected
from control.workers.mirror import Mirror
from control.workers.presence import Crowd
from control.workers.report import Report, report
from control.workers.seats import WorkerSeat
from control.workers.share import share, share_slots
from proxy.wheel import Timer
from sessions.privacy import Pseudonyms

logger = logging.getLogger("limpet.workers")

GLANCE_SECONDS = 0.02  # between two looks at whether the last exchange has ended
RENEWAL_SECONDS = 60.0


class Serving:
    """What serves, once there is a plan."""

    def __init__(self, sketch: Sketch, board: Board, worker: int, say: Callable[[FromWorker], None]) -> None:
        """Raises OSError, StoreError, CertificateError."""
        self._board = board
        self._worker = worker
        self._seat = WorkerSeat(board, worker, say)
        self._engine = make_engine(sketch.settings, sketch.error_pages, _timer_broke)
        self._engine.tally = board.tally(worker)
        self._engine.tallies = [board.tally(each) for each in range(board.workers)]
        callers = [board.addresses(each) for each in range(board.workers)]
        self._engine.crowd = Crowd(callers.pop(worker), callers)
        self._runtime = Runtime(self._engine, Stores(make_stores(sketch.settings)), seat=self._seat)
        self._runner = web.AppRunner(web.Application(), access_log=None)
        self._sites = Sites(self._runner, served_here(self._runner, self._engine))
        self._stood_in: dict[int, list[ClientSite]] = {}  # where it accepts for others
        self._tasks: list[asyncio.Task[None]] = []
        self._punctuality = Punctuality(self._engine.counters.delays, self._engine.counters.stalls)
        self._traces = Traces(sketch.settings.tracing)
        self.logs = LogFile(sketch.settings.access_log, shared=True)

    async def follow(self, plan: Plan, sketch: Sketch, sockets: list[tuple[str, list[int]]]) -> None:
        """Go by a plan, of which this is the sketch; `sockets`: at addresses that are new.

        Raises what may be wrong with it.
        """
        for key, descriptors in sockets:
            self._sites.inherit(key, descriptors)
        settings = await in_turns(share(sketch.settings, self._board.workers))
        slots = await in_turns(share_slots(sketch.slots, self._worker, self._board.workers))
        tls = await in_turns(self._runtime.contexts(settings, slots))
        blueprint = Blueprint(settings, sketch.secrets, slots, sketch.error_pages, tls, sketch.placed)
        first = self._runtime.blueprint is None
        fresh = None if first else self._runtime.fresh_stores(settings)
        await open_stores((fresh or {}).values())
        sender = await asyncio.to_thread(self._traces.sender_for, settings.tracing)
        writer = self.logs.writer_for(settings.access_log)
        allow_files(settings.limits.connections, warn=False)  # control does
        self._seat.spans, self._seat.standings = plan.spans, plan.standings
        await in_turns(self._runtime.changes(blueprint, fresh))
        unused = self._record(settings, sketch.secrets[0], writer, sender)
        if first:
            await self._begin()
        await self._sites.settle(await self._sites.open(settings.listen, None), settings.listen, None)
        for each in unused:
            await asyncio.to_thread(each.close)

    def _record(
        self, settings: Settings, secret: bytes, writer: LineWriter | None, sender: Sender | None
    ) -> list[LineWriter | Sender]:
        """Log and trace by these; what is no longer used."""
        hashed = Pseudonyms(secret).session_hash
        self._engine.log = access_log(settings.access_log, writer, hashed) if writer is not None else None
        self._engine.trace(tracing_of(sender, hashed))
        before = [self.logs.writer, self._traces.sender]
        self.logs.writer, self._traces.sender = writer, sender
        return [each for each in before if each is not None and each not in (writer, sender)]

    async def stand_in(self, for_whom: StandIn, descriptors: list[int]) -> None:
        """Accept where another worker did."""
        await self.stand_back(for_whom.worker)
        sites, left = self._stood_in.setdefault(for_whom.worker, []), iter(descriptors)
        for address, count in for_whom.addresses:
            site = await self._sites.stand_in(address, list(islice(left, count)))
            if site is not None:
                sites.append(site)

    async def stand_back(self, worker: int) -> None:
        """Its successor does."""
        for site in self._stood_in.pop(worker, []):
            await site.stop()

    def adopt(self, states: States) -> None:
        """Nodes are like this now."""
        watch = self._runtime.cluster.watches.get(states.service)
        if isinstance(watch, Mirror):
            watch.adopt(states.standings, states.down)

    def note(self, write: Unprotected) -> None:
        """It has enough copies by now."""
        kept = self._runtime.keeping.services.get(write.service)
        if kept is not None:
            kept.keeper.counters.protected(write.session_id, write.version)

    def counted(self) -> Report:
        """Until now."""
        return report(self._engine, self._runtime.keeping, self._traces.counts)

    def stop(self) -> None:
        """Close what is idle, and begin nothing new."""
        self._engine.stop()

    async def wind_down(self, aside: bool, cut: asyncio.Event) -> None:
        """Accept nobody, let what is under way end: for the grace at most, or until it is cut."""
        engine = self._engine
        await self._sites.close_doors()
        for worker in list(self._stood_in):
            await self.stand_back(worker)
        engine.step_aside() if aside else engine.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._runtime.settings.timeouts.grace):
                while engine.clients and not cut.is_set():  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(GLANCE_SECONDS)
        engine.stop()
        engine.cut()

    async def end(self) -> None:
        await self._runtime.keeping.close()
        for task in self._tasks:
            task.cancel()
        for service in self._engine.services.values():
            for node in service.nodes:
                node.pool.close_idle()
        self._punctuality.stop()
        await self._runner.cleanup()
        self.logs.close()
        self._traces.close()

    async def _begin(self) -> None:
        await self._runner.setup()
        await self._runtime.keeping.open()
        self._tasks = [
            asyncio.create_task(repeat(self._engine.tick, self._engine.TICK)),
            asyncio.create_task(repeat(self._sites.renew, RENEWAL_SECONDS)),
        ]
        self._punctuality.start()
        gc.freeze()  # what was made so far stays: no collection needs to look at it again


def _timer_broke(timer: Timer, error: Exception) -> None:
    logger.error("a time limit of %s broke", type(timer).__name__, exc_info=error)
