"""An aiohttp app with aiohttp-session that counts visits and knows who has logged in."""

import os
from html import escape

from aiohttp import web
from aiohttp_session import get_session, new_session, setup
from limpet_session.aiohttp import LimpetStorage

NODE = os.environ.get("NODE", "aiohttp")


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
    setup(app, LimpetStorage(app, keys=[os.environ["LIMPET_NODE_KEY"]]))
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
