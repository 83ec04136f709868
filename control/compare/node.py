"""A node of the comparison: the same small shop for each strategy, in one process, on a socket for each."""

import ctypes
import gc
import json
import os
import secrets
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl

from control.node_server import answer_json, serve_apps
from limpet_session.asgi import App, LimpetSessionMiddleware, Message, Receive, Scope, Send

CART_BYTES = 1024  # with the rest a session is about 1.1 KB, what a shop's is like
COOKIE = "visitor"


async def shop(scope: Scope, receive: Receive, send: Send) -> None:
    """GET tells whose session it is, which one, and what it has counted; POST adds one to that."""
    path, session = scope["path"], scope["session"]
    told: object
    if path == "/healthz":
        told = "well"
    elif path == "/memory":
        told = resident_bytes()
    else:
        if scope["method"] == "POST":
            _write(session, dict(parse_qsl(scope["query_string"].decode())))
        told = {key: session.get(key) for key in ("owner", "born", "count")}
    await answer_json(send, told)


def _write(session: dict[str, object], asked: dict[str, str]) -> None:
    count = session.get("count", 0)
    assert isinstance(count, int)
    session["count"] = count + 1
    session.setdefault("owner", asked["owner"])
    session.setdefault("born", secrets.token_hex(8))
    session.setdefault("cart", secrets.token_hex(CART_BYTES // 2))


class InMemory:
    """Sessions as many an app has them: a dict of this process, and a cookie of the app's own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._sessions: dict[str, dict[str, object]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cookie = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
        name = cookie[COOKIE].value if COOKIE in cookie else ""
        known = name in self._sessions
        name = name if known else secrets.token_urlsafe(16)
        scope["session"] = self._sessions.get(name, {})

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["session"] and not known:
                self._sessions[name] = scope["session"]
                given = (b"set-cookie", f"{COOKIE}={name}; Path=/; HttpOnly".encode())
                message = {**message, "headers": [*message["headers"], given]}
            await send(message)

        await self._app(scope, receive, pass_on)


def resident_bytes() -> int | None:
    """The memory that this process has of the system, with nothing in it that could be given back; None
    where the system does not tell."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, AttributeError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def serve(plan: str) -> None:
    """`plan` is a file with JSON: the node key, and the path of a unix socket for each strategy."""
    told = json.loads(Path(plan).read_text())
    serve_apps({path: _app(strategy, told["key"]) for strategy, path in told["sockets"].items()})


def _app(strategy: str, key: str) -> App:
    return InMemory(shop) if strategy == "affinity" else LimpetSessionMiddleware(shop, [key])
