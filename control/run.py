"""`limpet run`: the life of the process, from the configuration file to the last exchange."""

import asyncio
import gc
import logging
import os
import secrets as random_bytes
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import uvloop
from aiohttp import web

from config.advice import needs_secret
from config.certificates import CertificateError
from config.loading import load
from config.problems import ConfigError
from config.settings import Settings
from control.allocation import keep_freed_memory
from control.app import Admin, make_app
from control.build import named
from control.discovery.discovery import Discovery
from control.inheritance import Inheritance, ask_again, inherited
from control.life import Duties, Life
from control.line_writer import LineWriter
from control.log_file import LogFile
from control.metrics import Metrics
from control.notify import Notifier
from control.open_files import allow_files
from control.own_secret import SecretError, own_secret
from control.punctuality import be_punctual
from control.reading import Read, read
from control.reload import Loading, Reloader
from control.runtime import Runtime, build
from control.seat import Alone
from control.sites import ListenError, Sites, served_here
from control.speech import listen_to_logs
from control.staff import Oneself, Staff
from control.traces import Sender, Traces, TracingError, tracing_of
from control.upgrade import Upgrader
from control.watched_files import WatchedFiles
from control.wiring import access_log
from control.workers.board import make_board
from control.workers.crew import Crew, WorkerError
from control.workers.number import worker_count
from proxy.engine import Engine
from proxy.wheel import Timer
from sessions.privacy import Pseudonyms
from sessions.stores.store import StoreError

logger = logging.getLogger("limpet")


def run(path: str) -> int:
    """Serve until told to stop; the exit code."""
    try:
        settings = load(path, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    with listen_to_logs():
        try:
            secrets = _secrets(settings, path)
            return _serve(path, settings, secrets)
        except (SecretError, CertificateError) as error:
            print(f"limpet: {error}", file=sys.stderr)
            return 2
        except (ListenError, StoreError, TracingError, WorkerError, OSError) as error:
            print(f"limpet: {error}", file=sys.stderr)
            return 1


def _secrets(settings: Settings, path: str) -> Sequence[bytes]:
    """The operator's, or one of our own where tokens are sealed and none was given."""
    if settings.secrets:
        return [secret.encode() for secret in settings.secrets]
    if not any(needs_secret(service.affinity) for service in settings.services.values()):
        return [random_bytes.token_bytes(32)]  # nothing is sealed; it names sessions in the log
    secret, where = own_secret(Path(path).absolute().parent)
    logger.warning("no `secrets` given: using the one in %s; several proxies need the same one", where)
    return [secret]


def _serve(path: str, settings: Settings, secrets: Sequence[bytes]) -> int:
    be_punctual()
    keep_freed_memory()
    allow_files(settings.limits.connections)
    traces = Traces(settings.tracing)
    logs = LogFile(settings.access_log)
    logger.info("Limpet %s", named())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_live(path, settings, secrets, logs, traces))
    finally:
        logs.close()
        traces.close()


async def _live(
    path: str, settings: Settings, secrets: Sequence[bytes], logs: LogFile, traces: Traces
) -> int:
    handed = inherited(os.environ)
    discovery = Discovery()
    discovery.go_by(settings, await discovery.prepare(settings))
    if handed is not None:  # the other process has nodes: it serves until this one has some, too
        await discovery.insist()
    crew = Crew(make_board(workers)) if (workers := worker_count(settings)) > 1 else None
    runtime = build(discovery.settings, secrets, _timer_broke, crew.seat if crew else Alone())
    staff: Staff = crew or Oneself(runtime.engine)
    admin = _admin(path, runtime, staff, traces, discovery)
    runner = web.AppRunner(make_app(admin), access_log=None, shutdown_timeout=1.0)
    if crew is not None:
        crew.lead(runtime, traces.counts)
    make_site = crew.make_site if crew else served_here(runner, runtime.engine)
    sites = Sites(runner, make_site, handed.sockets if handed else None)
    admin.metrics.expiries = sites.expiries
    take = partial(_take, runtime.engine, admin, logs, traces, workers)
    take(settings, secrets, logs.writer, traces.sender)
    reader = partial(_read, path)
    reloader = Reloader(admin.loading, reader, runtime, sites, logs, traces, take, staff.follow, discovery)
    life = Life(runtime, runner, sites, staff, Notifier(os.environ))
    upgrader = Upgrader(runtime, sites, life.step_aside)
    admin.reload, admin.upgrade = reloader.reload, upgrader.upgrade
    watched = WatchedFiles(path, runtime, reloader.reload)
    if handed is not None:
        ask_again(runtime, handed.asked)
    gc.freeze()  # what was made so far stays: no collection needs to look at it again
    serving = partial(_serving, sites, handed, partial(discovery.start, reloader.take_nodes))
    duties = Duties(
        reloader.reload,
        upgrader.upgrade,
        partial(_reopen, logs, staff),
        reloader.let_go,
        watched.watch,
        serving,
    )
    return await life.live(settings.listen, settings.admin.listen, duties)


def _reopen(logs: LogFile, staff: Staff) -> None:
    logs.reopen()
    staff.reopen()


def _serving(sites: Sites, handed: Inheritance | None, look_again: Callable[[], None]) -> None:
    """The process whose place this one takes can step aside."""
    look_again()
    sites.forget_inherited()
    if handed is not None:
        handed.say_ready()


async def _read(path: str) -> tuple[Read, Sequence[bytes]]:
    """What the file says, and the secrets. Raises ConfigError, SecretError, OSError."""
    said = await read(path)
    return said, await asyncio.to_thread(_secrets, said.settings, path)


def _admin(path: str, runtime: Runtime, staff: Staff, traces: Traces, discovery: Discovery) -> Admin:
    now = time.time()
    loading = Loading(path, now, now)
    return Admin(
        engine=runtime.engine,
        cluster=runtime.cluster,
        pseudonyms=Pseudonyms(b""),
        metrics=Metrics(runtime.engine, runtime.keeping, loading, traces.counts, staff, discovery.facts),
        staff=staff,
        keeping=runtime.keeping,
        cookies=runtime.cookies,
        loading=loading,
        discovery=discovery.facts,
        settings=lambda: runtime.settings,
    )


def _take(
    engine: Engine,
    admin: Admin,
    logs: LogFile,
    traces: Traces,
    workers: int,
    settings: Settings,
    secrets: Sequence[bytes],
    writer: LineWriter | None,
    sender: Sender | None,
) -> None:
    """Have the admin port, the access log and the traces go by the settings."""
    if worker_count(settings) != workers:
        logger.warning("%d workers until `limpet upgrade`, or a restart", workers)
    admin.pseudonyms = Pseudonyms(secrets[0])
    admin.token = settings.admin.token.encode() if settings.admin.token else None
    logs.writer = writer
    hashed = admin.pseudonyms.session_hash
    engine.log = access_log(settings.access_log, writer, hashed) if writer is not None else None
    traces.sender = sender
    engine.trace(tracing_of(sender, hashed))


def _timer_broke(timer: Timer, error: Exception) -> None:
    logger.error("a time limit of %s broke", type(timer).__name__, exc_info=error)
