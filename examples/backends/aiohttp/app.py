"""An aiohttp app with aiohttp-session, kept in this process's memory: another process does not know them."""

import os
import secrets
from html import escape

from aiohttp import web
from aiohttp_session import AbstractStorage, Session, get_session, new_session, setup

NODE = os.environ.get("NODE", "aiohttp")


class MemoryStorage(AbstractStorage):
    """aiohttp-session's storage as a dictionary; the cookie holds the key."""

    def __init__(self) -> None:
        super().__init__(cookie_name="AIOHTTP_SESSION", samesite="Lax")
        self.kept: dict[str, dict] = {}

    async def load_session(self, request: web.Request) -> Session:
        key = self.load_cookie(request)
        if key in self.kept:
            return Session(key, data=self.kept[key], new=False, max_age=self.max_age)
        return Session(None, data=None, new=True, max_age=self.max_age)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        if session.empty:
            self.kept.pop(str(session.identity), None)
            self.save_cookie(response, "", max_age=0)
            return
        key = session.identity or secrets.token_urlsafe(16)
        self.kept[key] = self._get_session_data(session)
        self.save_cookie(response, key, max_age=session.max_age)


async def home(request: web.Request) -> web.Response:
    session = await get_session(request)
    session["count"] = session.get("count", 0) + 1
    user = escape(session.get("user", "stranger"))
    page = f"<!doctype html><h1>Node {NODE}</h1><p>Hello, {user}: visit {session['count']}."
    return web.Response(text=page, content_type="text/html")


async def show(request: web.Request) -> web.Response:
    session = await get_session(request)
    return web.json_response({"node": NODE, "count": session.get("count", 0), "user": session.get("user")})


async def login(request: web.Request) -> web.Response:
    count = (await get_session(request)).get("count", 0)
    session = await new_session(request)
    session["count"] = count
    session["user"] = str((await request.post()).get("user", "somebody"))[:40]
    return web.Response(status=303, headers={"Location": "/"})


async def logout(request: web.Request) -> web.Response:
    (await get_session(request)).invalidate()
    return web.Response(status=303, headers={"Location": "/session"})


async def healthz(request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def make_app() -> web.Application:
    app = web.Application()
    setup(app, MemoryStorage())
    app.add_routes(
        [
            web.get("/", home),
            web.get("/session", show),
            web.post("/login", login),
            web.post("/logout", logout),
            web.get("/healthz", healthz),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "9001")), print=None)
