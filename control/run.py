"""`limpet run`: the life of the process, from the configuration file to the last exchange."""

import asyncio
import gc
import logging
import os
import resource
import secrets as random_bytes
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop
from aiohttp import web

from config.advice import needs_secret
from config.certificates import CertificateError
from config.loading import load
from config.problems import ConfigError
from config.settings import Settings
from control.app import Admin, make_app
from control.life import Life, ListenError
from control.line_writer import LineWriter
from control.listening import make_place
from control.metrics import Metrics
from control.notify import Notifier
from control.own_secret import SecretError, own_secret
from control.runtime import Runtime, build
from control.speech import listen_to_logs
from control.wiring import access_log
from proxy.wheel import Timer
from sessions.privacy import Pseudonyms
from sessions.stores.store import StoreError

logger = logging.getLogger("limpet")

FILES_FOR_ITSELF = 100  # descriptors besides clients' connections and, for each, one to a node


def run(path: str) -> int:
    """Serve until told to stop; the exit code."""
    try:
        settings = load(path, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    with listen_to_logs():
        try:
            secrets = _secrets(settings, Path(path).absolute().parent)
            return _serve(settings, secrets)
        except (SecretError, CertificateError) as error:
            print(f"limpet: {error}", file=sys.stderr)
            return 2
        except (ListenError, StoreError, OSError) as error:
            print(f"limpet: {error}", file=sys.stderr)
            return 1


def _secrets(settings: Settings, folder: Path) -> Sequence[bytes]:
    """The operator's, or one of our own where tokens are sealed and none was given."""
    if settings.secrets:
        return [secret.encode() for secret in settings.secrets]
    if not any(needs_secret(service.affinity) for service in settings.services.values()):
        return [random_bytes.token_bytes(32)]  # nothing is sealed; it names sessions in the log
    secret, path = own_secret(folder)
    logger.warning("no `secrets` given: using the one in %s; several proxies need the same one", path)
    return [secret]


def _serve(settings: Settings, secrets: Sequence[bytes]) -> int:
    _allow_files(2 * settings.limits.connections + FILES_FOR_ITSELF)
    pseudonyms = Pseudonyms(secrets[0])
    writer = None if settings.access_log.format == "off" else LineWriter(settings.access_log.file)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_live(settings, secrets, pseudonyms, writer))
    finally:
        if writer is not None:
            writer.close()


async def _live(
    settings: Settings, secrets: Sequence[bytes], pseudonyms: Pseudonyms, writer: LineWriter | None
) -> int:
    runtime = build(settings, secrets, _timer_broke)
    if writer is not None:
        runtime.engine.log = access_log(settings.access_log, writer, pseudonyms.session_hash)
    app = make_app(_admin(settings, runtime, pseudonyms))
    life = Life(runtime, web.AppRunner(app, access_log=None, shutdown_timeout=1.0), Notifier(os.environ))
    gc.freeze()  # what was made so far stays: no collection needs to look at it again
    return await life.live(
        [make_place(listener) for listener in settings.listen],
        settings.admin.listen,
        settings.timeouts.grace,
        writer.reopen if writer is not None else None,
    )


def _admin(settings: Settings, runtime: Runtime, pseudonyms: Pseudonyms) -> Admin:
    return Admin(
        engine=runtime.engine,
        cluster=runtime.cluster,
        pseudonyms=pseudonyms,
        metrics=Metrics(runtime.engine, runtime.keeping),
        kept=runtime.keeping.services,
        cookies=runtime.cookies,
        token=settings.admin.token.encode() if settings.admin.token else None,
    )


def _timer_broke(timer: Timer, error: Exception) -> None:
    logger.error("a time limit of %s broke", type(timer).__name__, exc_info=error)


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files as far as it goes: most systems set it to 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    if most < wanted:
        logger.warning("only %d files may be open: `limits.connections` may need %d", max(soft, most), wanted)
