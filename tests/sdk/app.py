"""An app that does what the tests of the ASGI shell need, and somebody who asks it as the proxy would."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from limpet_session import LimpetSessionMiddleware, SessionClosed
from limpet_session.asgi import App, Receive, Scope, Send
from tests.sdk.nodes import KEY, A
from tests.sdk.serving import PATIENCE

SEEN: list[BaseException] = []  # what was raised in the app
ENTERED, RELEASE = threading.Event(), threading.Event()


async def show(request: Request) -> Response:
    return JSONResponse(dict(request.session))


async def put(request: Request) -> Response:
    request.session.update(request.query_params)
    return JSONResponse(dict(request.session), 409 if "conflict" in request.query_params else 200)


async def hold(request: Request) -> Response:
    ENTERED.set()
    await asyncio.to_thread(RELEASE.wait, PATIENCE)
    request.session.update(request.query_params)
    return JSONResponse({}, 409)


async def grow(request: Request) -> Response:
    request.session["large"] = "x" * 2000
    return Response()


async def fail(request: Request) -> Response:
    request.session["lost"] = 1
    raise ZeroDivisionError


async def missing(request: Request) -> Response:
    request.session["kept"] = 1
    raise HTTPException(404)


async def stream(request: Request) -> Response:
    request.session["before"] = 1

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.to_thread(RELEASE.wait, PATIENCE)
        try:
            request.session["after"] = 1
        except SessionClosed as error:
            SEEN.append(error)
        yield b"last"

    return StreamingResponse(body())


async def inside(request: Request) -> Response:
    cart = request.session.setdefault("cart", [])

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        cart.append("too late")

    return StreamingResponse(body())


async def names(request: Request) -> Response:
    answer = JSONResponse(sorted(request.headers.keys()))
    answer.headers["Limpet-End"] = "1"
    answer.headers["Limpet-Version"] = "99"
    return answer


async def upload(request: Request) -> Response:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    request.session["size"] = size
    return JSONResponse({"size": size})


async def talk(socket: WebSocket) -> None:
    socket.session["talked"] = True
    await socket.accept()
    await socket.send_json(dict(socket.session))
    await socket.close()


async def turn_away(socket: WebSocket) -> None:
    await socket.close()


async def talk_late(socket: WebSocket) -> None:
    await hold_socket(socket)
    await socket.accept()
    await socket.send_text("nobody hears this")


async def hold_socket(socket: WebSocket) -> None:
    ENTERED.set()
    await asyncio.to_thread(RELEASE.wait, PATIENCE)
    socket.session["late"] = True


def starlette() -> Starlette:
    handlers = (show, put, hold, grow, fail, missing, stream, inside, names, upload)
    routes = [Route(f"/{handler.__name__}", handler, methods=["GET", "POST"]) for handler in handlers]
    sockets = [WebSocketRoute(f"/{handler.__name__}", handler) for handler in (talk, turn_away, talk_late)]
    return Starlette(routes=[*routes, *sockets])


class Recorder:
    """Keeps what an app raises, as a server's log would."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            SEEN.append(error)
            raise


class At(NamedTuple):
    url: str
    node: LimpetSessionMiddleware

    def fields(self, version: int = 0, name: str = A, **more: object) -> dict[str, str]:
        told = {
            "Limpet-Key": KEY,
            "Limpet-Session": name,
            "Limpet-Version": version,
            "Limpet-TTL": 60,
            **more,
        }
        return {name.replace("_", "-"): str(value) for name, value in told.items()}

    def ask(self, path: str, version: int = 0, name: str = A, **more: object) -> httpx.Response:
        headers = self.fields(version, name, **more)
        return httpx.post(self.url + path, headers=headers, trust_env=False, timeout=PATIENCE)

    def call(self, method: str, path: str, content: bytes = b"", **fields: object) -> httpx.Response:
        headers = {f"Limpet-{name}": str(value) for name, value in {"Key": KEY, **fields}.items()}
        url = f"{self.url}/.limpet/sessions{path}"
        return httpx.request(method, url, headers=headers, content=content, trust_env=False, timeout=PATIENCE)

    def held(self, name: str = A) -> tuple[int, Any]:
        answer = self.call("GET", f"/{name}")
        return int(answer.headers["limpet-version"]), json.loads(answer.content or b"{}")


class Holding:
    """A request to `/hold?late=1` that is under way, on a session that is at version 2."""

    def __init__(self, at: At, query: str = "?late=1") -> None:
        assert at.ask("/put?a=1").status_code == 200
        self.answer: httpx.Response | None = None
        self.thread = threading.Thread(target=self._run, args=(at, query))
        self.thread.start()
        assert ENTERED.wait(PATIENCE)

    def _run(self, at: At, query: str) -> None:
        self.answer = at.ask("/hold" + query, 2)

    def end(self) -> httpx.Response:
        RELEASE.set()
        self.thread.join(PATIENCE)
        assert self.answer is not None
        return self.answer
