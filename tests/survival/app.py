"""The node of these runs: a small app on Starlette and the Python SDK, under uvicorn. `app.py PORT [plain]`.

`plain` knows nothing of the contract: its sessions are in its own memory, under a cookie of its own.
"""

import asyncio
import secrets
import sys
from collections import defaultdict
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from limpet_session.asgi import LimpetSessionMiddleware
from tests.survival.asked import told, write

NODE_KEY = "a-key-that-all-these-nodes-know"
ENDPOINT = "/.limpet/sessions"


async def healthz(request: Request) -> PlainTextResponse:
    return PlainTextResponse("fine")


async def visit(request: Request) -> JSONResponse:
    """What to write, and all optional: `login=1`, `logout=1`, `before=SECONDS` and `after=SECONDS`, how long
    to take before and after the session is written."""
    asked = request.query_params
    session = request.session
    await asyncio.sleep(float(asked.get("before", 0)))
    write(session, asked)
    if "login" in asked:
        session.renew()  # type: ignore[attr-defined]
    if "logout" in asked:
        session.end()  # type: ignore[attr-defined]
    await asyncio.sleep(float(asked.get("after", 0)))
    return JSONResponse(told(session))


class SlowCopies:
    """`/slow?seconds=S`: take copies so late from now on, and the proxies hold the answers of writes."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._seconds = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == "/slow":
            self._seconds = float(parse_qs(scope["query_string"].decode())["seconds"][0])
            await PlainTextResponse("so be it")(scope, receive, send)
            return
        if path.startswith(ENDPOINT) and scope["method"] in ("POST", "PUT"):
            await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


class OneByOne:
    """What adds to one client's count is served one by one, as locked sessions are.

    A request goes on when its proxy has died, and would put its sum in place of those that were made since.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = parse_qs(scope.get("query_string", b"").decode())
        if "add" not in asked:
            await self._app(scope, receive, send)
            return
        async with self._locks[asked["owner"][0]]:
            await self._app(scope, receive, send)


class MemorySessions:
    """`request.session` from this process's memory, as many an app has it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._sessions: dict[str, dict[str, Any]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode())
        name = cookie["sid"].value if "sid" in cookie else ""
        known = name in self._sessions
        if not known:
            name = secrets.token_hex(8)
        scope["session"] = self._sessions.setdefault(name, {})

        async def pass_on(message: Any) -> None:
            if message["type"] == "http.response.start" and not known:
                message["headers"] = [*message["headers"], (b"set-cookie", f"sid={name}; Path=/".encode())]
            await send(message)

        await self._app(scope, receive, pass_on)


def main(port: int, plain: bool) -> None:
    app: Any = Starlette(routes=[Route("/healthz", healthz), Route("/visit", visit, methods=["GET", "POST"])])
    app = MemorySessions(app) if plain else OneByOne(SlowCopies(LimpetSessionMiddleware(app, [NODE_KEY])))
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=60,
        backlog=2048,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), "plain" in sys.argv[2:])
