"""The demo's app server: it counts each visitor's visits twice, in its own memory and in their session."""

import os
import secrets
from importlib.resources import files
from pathlib import Path

from control.node_server import answer, answer_json, serve_apps
from limpet_session.asgi import App, LimpetSessionMiddleware, Receive, Scope, Send


class Counter:
    """An app as somebody may have it. What it keeps by itself is gone when its process ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._visits: dict[str, int] = {}  # of visitors, as this process remembers them
        self._page = files("control.demo").joinpath("page.html").read_bytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["method"], scope["path"]:
            case "GET", "/":
                await answer(send, "text/html; charset=utf-8", self._page)
            case "POST", "/visit":
                await answer_json(send, self._visit(scope["session"]))
            case "GET", "/stats":
                await answer_json(send, {"sessions": len(self._visits), "visits": sum(self._visits.values())})
            case "GET", "/healthz":
                await answer(send, "text/plain", b"ok\n")
            case _:
                await answer(send, "text/plain", b"not here\n", 404)

    def _visit(self, session: dict[str, object]) -> object:
        """Counts a visit: `remembered` by this process, and `visits` by the session."""
        visits = session.get("visits", 0)
        assert isinstance(visits, int)
        session["visits"] = visits + 1
        visitor = str(session.setdefault("visitor", secrets.token_urlsafe(12)))
        self._visits[visitor] = self._visits.get(visitor, 0) + 1
        return {
            "node": self._name,
            "pid": os.getpid(),
            "remembered": self._visits[visitor],
            "visits": visits + 1,
        }


def make_app(name: str, key: str) -> App:
    """The app, and the one line that brings its sessions along."""
    return LimpetSessionMiddleware(Counter(name), [key])


def serve(name: str, socket_path: str, key_file: str) -> None:
    """Serves on a unix socket until SIGTERM."""
    serve_apps({socket_path: make_app(name, Path(key_file).read_text())})
