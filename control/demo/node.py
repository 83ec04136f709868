"""The demo's app server: it counts each visitor's visits in its own memory, and knows nothing of Limpet."""

import os
import secrets
from importlib.resources import files

from aiohttp import web

COOKIE = "visitor"


class Counter:
    """One node's app: sessions are a dictionary, gone when the process ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._visits: dict[str, int] = {}
        self._page = files("control.demo").joinpath("page.html").read_text(encoding="utf-8")

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html", charset="utf-8")

    async def visit(self, request: web.Request) -> web.Response:
        """Counts a visit; a cookie that this process does not know starts again at one."""
        visitor = request.cookies.get(COOKIE, "")
        fresh = visitor not in self._visits
        if fresh:
            visitor = secrets.token_urlsafe(12)
        self._visits[visitor] = self._visits.get(visitor, 0) + 1
        answer = web.json_response(
            {"node": self._name, "count": self._visits[visitor], "fresh": fresh, "pid": os.getpid()},
            headers={"Cache-Control": "no-store"},
        )
        if fresh:
            answer.set_cookie(COOKIE, visitor, httponly=True, samesite="Lax")
        return answer

    async def stats(self, request: web.Request) -> web.Response:
        return web.json_response({"sessions": len(self._visits), "visits": sum(self._visits.values())})

    async def healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")


def make_app(name: str) -> web.Application:
    counter = Counter(name)
    app = web.Application()
    app.add_routes(
        [
            web.get("/", counter.page),
            web.post("/visit", counter.visit),
            web.get("/stats", counter.stats),
            web.get("/healthz", counter.healthz),
        ]
    )
    return app


def serve(name: str, socket_path: str) -> None:
    """Serves on a unix socket until SIGTERM."""
    web.run_app(make_app(name), path=socket_path, print=None, access_log=None, shutdown_timeout=0.5)
