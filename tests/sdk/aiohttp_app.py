"""An aiohttp app with aiohttp-session that does what the tests need: `aiohttp_app.py PORT`, or `make_app`."""

import asyncio
import logging
import os
import sys

import aiohttp_session
from aiohttp import web
from aiohttp_session import get_session, new_session

from limpet_session import MemoryStorage, SessionClosed
from limpet_session.aiohttp import LimpetStorage
from limpet_session.shell import Options
from tests.sdk.nodes import KEY

routes = web.RouteTableDef()
SEEN: list[str] = []  # what was raised, here or by the server
MEETING = asyncio.Barrier(2)
RELEASE = asyncio.Event()
FENCE_SECONDS = 2.0  # unless a test asks for something else
STORAGE = web.AppKey("storage", LimpetStorage)


@routes.get("/healthz")
@routes.post("/seen")
async def seen(request: web.Request) -> web.Response:
    """What was raised since the last time."""
    told = list(SEEN)
    SEEN.clear()
    return web.json_response(told)


@routes.post("/patience")
async def patience(request: web.Request) -> web.Response:
    """How long fences wait from now on."""
    request.app[STORAGE].shell.shell.fence_seconds = float(request.query["seconds"])
    return web.Response()


@routes.view("/show")
async def show(request: web.Request) -> web.Response:
    session = await get_session(request)
    told = {"data": dict(session), "new": session.new, "identity": session.identity, "empty": session.empty}
    return web.json_response({**told, "created": session.created, "length": len(session)})


@routes.view("/put")
async def put(request: web.Request) -> web.Response:
    session = await get_session(request)
    session.update(request.query)
    return web.json_response(dict(session), status=int(request.query.get("status", 200)))


@routes.view("/again")
async def again(request: web.Request) -> web.Response:
    session = await get_session(request)
    session.update(request.query)
    return web.json_response(session.created)


@routes.view("/later")
async def later(request: web.Request) -> web.Response:
    """Writes after half a second or more, as `limpet contract --slow` wants it."""
    session = await get_session(request)
    await asyncio.sleep(0.7)
    session["later"] = "1"
    return web.Response()


@routes.view("/meet")
async def meet(request: web.Request) -> web.Response:
    """Writes only when another one is about to."""
    session = await get_session(request)
    async with asyncio.timeout(60):
        await MEETING.wait()
    session.update(request.query)
    return web.Response()


@routes.view("/hold")
async def hold(request: web.Request) -> web.StreamResponse:
    """Writes when it is told to; the answer may be a stream, which may have begun before."""
    session = await get_session(request)
    how, answer = request.query_string, web.StreamResponse()
    RELEASE.clear()
    if how == "begun":
        await answer.prepare(request)
    SEEN.append("holding")
    try:
        async with asyncio.timeout(60):
            await RELEASE.wait()
    except asyncio.CancelledError as error:
        SEEN.append(type(error).__name__)
        raise
    if how == "begun":
        return answer
    session["late"] = "1"
    if how == "raise":
        raise web.HTTPFound("/show")
    if how == "":
        return web.Response(text="saved")
    await answer.prepare(request)
    await answer.write(b"saved")
    return answer


@routes.view("/release")
async def release(request: web.Request) -> web.Response:
    RELEASE.set()
    return web.Response()


@routes.view("/login")
async def login(request: web.Request) -> web.Response:
    old = await get_session(request)
    session = await new_session(request)
    session["user"] = request.query["user"]
    session["cart"] = old.get("cart")
    old["nobody"] = "keeps this"
    return web.json_response({"identity": session.identity, "created": session.created})


@routes.view("/logout")
async def logout(request: web.Request) -> web.Response:
    (await get_session(request)).invalidate()
    raise web.HTTPSeeOther("/show")


@routes.view("/clear")
async def clear(request: web.Request) -> web.Response:
    (await get_session(request)).clear()
    return web.Response()


@routes.view("/grow")
async def grow(request: web.Request) -> web.StreamResponse:
    """A session that is too large, for an answer, a raised one, a stream or a WebSocket."""
    session = await get_session(request)
    session["large"] = "x" * 7000
    if "raise" in request.query:
        raise web.HTTPFound("/show")
    if "stream" in request.query:
        answer = web.StreamResponse()
        answer.enable_compression(web.ContentCoding.gzip)
        await answer.prepare(request)
    if "socket" in request.query:
        await web.WebSocketResponse().prepare(request)
    return web.Response()


@routes.view("/large")
async def large(request: web.Request) -> web.Response:
    (await get_session(request))["large"] = "x" * 5000
    return web.Response()


@routes.view("/odd")
async def odd(request: web.Request) -> web.Response:
    (await get_session(request))["odd"] = object()
    return web.Response()


@routes.view("/fail")
async def fail(request: web.Request) -> web.Response:
    (await get_session(request))["lost"] = "1"
    raise ZeroDivisionError


@routes.view("/slow")
async def slow(request: web.Request) -> web.Response:
    (await get_session(request))["lost"] = "1"
    raise TimeoutError


@routes.view("/gone")
async def gone(request: web.Request) -> web.Response:
    (await get_session(request))["kept"] = "1"
    raise web.HTTPGone


@routes.view("/stream")
async def stream(request: web.Request) -> web.StreamResponse:
    session = await get_session(request)
    session["cart"] = []
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        session["after"] = "1"
    except SessionClosed as error:
        SEEN.append(type(error).__name__)
    session["cart"].append("too late")
    await answer.write(b"whole")
    return answer


@routes.view("/names")
async def names(request: web.Request) -> web.Response:
    told = [name for name in request.headers if name.lower().startswith("limpet")]
    told += [name.decode() for name, _ in request.raw_headers if name.lower().startswith(b"limpet")]
    return web.json_response(
        {"seen": told, "odd": request.headers.get("X-Odd", "").encode("utf-8", "surrogateescape").hex()},
        headers={"Limpet-End": "1"},
    )


@routes.view("/upload")
async def upload(request: web.Request) -> web.Response:
    size = len(await request.read())
    (await get_session(request))["size"] = size
    return web.json_response(size)


@routes.get("/talk")
async def talk(request: web.Request) -> web.WebSocketResponse:
    session = await get_session(request)
    session["talked"] = "1"
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    try:
        session["late"] = "1"
    except SessionClosed:
        await socket.send_str("closed")
    await socket.close()
    return socket


@web.middleware
async def outermost(request: web.Request, handler):  # type: ignore[no-untyped-def]
    """Answers by itself, and has its own page for what goes wrong."""
    if request.path == "/teapot":
        return web.Response(status=418)
    try:
        return await handler(request)
    except (ValueError, TypeError) as error:
        return web.Response(status=500, text=type(error).__name__)


class Noticed(logging.Handler):
    """What servers log of exceptions."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0]:
            SEEN.append(record.exc_info[0].__name__)


def make_app() -> web.Application:
    logging.getLogger().addHandler(Noticed())
    app = web.Application(middlewares=[outermost], client_max_size=10_000_000)
    kept: Options = {"storage": MemoryStorage()} if "MEMORY" in os.environ else {}
    storage = LimpetStorage(app, keys=[KEY], max_state=6000, fence_seconds=FENCE_SECONDS, **kept)
    app[STORAGE] = storage
    aiohttp_session.setup(app, storage)
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    port = int(sys.argv[1])
    web.run_app(
        make_app(), host="127.0.0.1", port=port, print=None, access_log=None, handler_cancellation=True
    )
