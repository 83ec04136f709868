"""The stream of Server-Sent Events that keeps an open dashboard up to date."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from control.dashboard.picture import SECONDS, Parts, Picture
from control.events import Events

logger = logging.getLogger("limpet.admin")

MOST = 32  # streams at a time
RETRY_MILLISECONDS = 2000
WRITE_SECONDS = 30.0  # who takes nothing for so long has gone to sleep, and will ask again
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Stream:
    """Sends the picture to whoever looks, and looks at the picture once a second for all of them."""

    def __init__(self, picture: Picture, events: Events, token_now: Callable[[], bytes | None]) -> None:
        self._picture = picture
        self._token_now = token_now
        self._events = events
        self._open = 0
        self._ended = False
        self._turned = asyncio.Event()

    async def live(self, app: web.Application) -> AsyncIterator[None]:
        """For as long as the admin port is there (a `cleanup_ctx` of its application)."""
        root = logging.getLogger()
        root.addHandler(self._events)
        looking = asyncio.create_task(self._look())
        yield
        root.removeHandler(self._events)
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking

    async def end(self, app: web.Application) -> None:
        """The process ends, and waits for no stream."""
        self._ended = True
        self._turn()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`rights` first, `state` every second, `point` of the history every few, `ring`, `events` when new.

        An event's id is that of the last of `events`, so that a browser that comes back misses none.
        """
        if self._open >= MOST:
            raise web.HTTPServiceUnavailable(text=f"{MOST} dashboards are open already")
        response = web.StreamResponse(headers=HEADERS)
        self._open += 1
        try:
            await response.prepare(request)
            await self._send_all(response, _last_id(request))
        except (ConnectionError, TimeoutError):
            pass  # it has gone
        finally:
            self._open -= 1
        return response

    async def _send_all(self, response: web.StreamResponse, last: int) -> None:
        token = self._token_now()
        acts = _message("rights", json.dumps({"acts": token is not None}))
        await response.write(f"retry: {RETRY_MILLISECONDS}\n\n{acts}".encode())
        drawn: dict[str, Parts] = {}
        point = self._picture.point
        while not self._ended and self._token_now() == token:  # who had another one has to show the new one
            turned = self._turned
            parts = [ring for name, ring in self._picture.rings.items() if drawn.get(name) is not ring]
            drawn = dict(self._picture.rings)
            text = "".join(_message("ring", json.dumps(ring)) for ring in parts)
            if self._picture.state:
                text += _message("state", self._picture.state)
            if self._picture.point is not point:
                point = self._picture.point
                text += _message("point", point)
            if news := self._events.after(last):
                last = news[-1]["id"]
                text += _message("events", json.dumps(news), last)
            async with asyncio.timeout(WRITE_SECONDS):
                await response.write(text.encode())
            await turned.wait()

    async def _look(self) -> None:
        while True:
            try:
                await self._picture.look(watched=self._open > 0)
            except Exception:  # a task's boundary
                logger.exception("the dashboard's picture broke")
            self._turn()
            await asyncio.sleep(SECONDS)

    def _turn(self) -> None:
        """Wake all who wait for the next picture."""
        self._turned.set()
        self._turned = asyncio.Event()


def _message(kind: str, data: str, last: int | None = None) -> str:
    """`data` is JSON, and so one line."""
    name = f"id: {last}\n" if last is not None else ""
    return f"{name}event: {kind}\ndata: {data}\n\n"


def _last_id(request: web.Request) -> int:
    given = request.headers.get("Last-Event-ID", "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0
