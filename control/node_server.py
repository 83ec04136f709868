"""Serves the small apps of `limpet demo` and `limpet compare`, each on a unix socket of its own."""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping

import uvicorn
import uvloop

from limpet_session.asgi import App, Send


class _Server(uvicorn.Server):
    """One of several in a process: SIGTERM ends them all as it ends any process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve_apps(apps: Mapping[str, App]) -> None:
    """Serves each app at the path that it stands under, until SIGTERM."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_all(apps))


async def _serve_all(apps: Mapping[str, App]) -> None:
    await asyncio.gather(*(_Server(_options(app, path)).serve() for path, app in apps.items()))


def _options(app: App, path: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        uds=path,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        backlog=2048,
    )


async def answer_json(send: Send, told: object, status: int = 200) -> None:
    """`told` as a whole answer that nobody may keep."""
    await answer(send, "application/json", json.dumps(told).encode(), status)


async def answer(send: Send, kind: str, body: bytes, status: int = 200) -> None:
    """A whole answer, of the media type `kind`, that nobody may keep."""
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
