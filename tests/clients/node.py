"""An app server with something for every scenario: `python -m tests.clients.node NAME PORT`."""

import asyncio
import gzip
import hashlib
import sys
from collections import defaultdict

from aiohttp import WSMsgType, web

TEXT = b"The tide comes in, the tide goes out.\n" * 200
NAME = web.AppKey("name", str)
RELEASED = web.AppKey("released", "defaultdict[str, asyncio.Event]")
PATTERN = bytes(range(251)) * 251


def pattern(size: int) -> bytes:
    """The bytes that a download of this size has."""
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


async def echo(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "node": request.app[NAME],
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name.lower(), value] for name, value in request.headers.items()],
            "body": (await request.read()).decode("latin-1"),
        }
    )


async def upload(request: web.Request) -> web.Response:
    digest, size = hashlib.sha256(), 0
    async for piece in request.content.iter_any():
        digest.update(piece)
        size += len(piece)
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "")
    return web.json_response({"size": size, "sha256": digest.hexdigest(), "chunked": chunked})


async def download(request: web.Request) -> web.Response:
    return web.Response(body=pattern(int(request.query["size"])), content_type="application/octet-stream")


async def chunks(request: web.Request) -> web.StreamResponse:
    """The request's body, sent back in chunks."""
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    async for piece in request.content.iter_any():
        await answer.write(piece)
    await answer.write_eof()
    return answer


async def events(request: web.Request) -> web.StreamResponse:
    """One event now, the next only when `/release` has been called: nobody may hold the first back."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await answer.prepare(request)
    await answer.write(b"data: first\n\n")
    await request.app[RELEASED][request.query["key"]].wait()
    await answer.write(b"data: second\n\n")
    await answer.write_eof()
    return answer


async def release(request: web.Request) -> web.Response:
    request.app[RELEASED][request.query["key"]].set()
    return web.Response(status=204)


async def nothing(request: web.Request) -> web.Response:
    return web.Response(status=204)


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/echo?redirected"})


async def zipped(request: web.Request) -> web.Response:
    body = gzip.compress(TEXT, mtime=0)
    return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})


async def cookies(request: web.Request) -> web.Response:
    answer = web.json_response(dict(request.cookies))
    answer.set_cookie("one", "1", path="/")
    answer.set_cookie("two", "2", path="/", httponly=True, samesite="Lax")
    return answer


async def websocket(request: web.Request) -> web.WebSocketResponse:
    """Says its name, then echoes; the text `close` makes it close with 4001."""
    socket = web.WebSocketResponse(protocols=("tide",), max_msg_size=0)
    await socket.prepare(request)
    await socket.send_str(request.app[NAME])
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.data == "close":
            await socket.close(code=4001, message=b"tide")
        else:
            await socket.send_str(message.data)
    return socket


def make_app(name: str) -> web.Application:
    app = web.Application(client_max_size=1 << 26)
    app[NAME] = name
    app[RELEASED] = defaultdict(asyncio.Event)
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/upload", upload)
    app.router.add_get("/download", download)
    app.router.add_post("/chunks", chunks)
    app.router.add_get("/events", events)
    app.router.add_post("/release", release)
    app.router.add_get("/nothing", nothing)
    app.router.add_get("/redirect", redirect)
    app.router.add_get("/zipped", zipped)
    app.router.add_get("/cookies", cookies)
    app.router.add_get("/socket", websocket)
    return app


if __name__ == "__main__":
    web.run_app(make_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), print=None, access_log=None)
