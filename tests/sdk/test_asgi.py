"""The ASGI shell under a real uvicorn, with Starlette and FastAPI."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import websockets
from fastapi import FastAPI
from fastapi import Request as FastRequest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus

from limpet_session import LimpetSessionMiddleware, SessionClosed, SessionTooLarge
from limpet_session.asgi import App, Message, Receive, Scope, Send
from tests.sdk.nodes import KEY, TAKEOVER, A, B
from tests.sdk.serving import PATIENCE, serving

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


@pytest.fixture
def at() -> Iterator[At]:
    SEEN.clear()
    ENTERED.clear()
    RELEASE.clear()
    middleware = LimpetSessionMiddleware(starlette(), [KEY], max_state=1000, fence_seconds=0.2)
    with serving(Recorder(middleware)) as port:
        yield At(f"http://127.0.0.1:{port}", middleware)
        RELEASE.set()


@pytest.fixture
def slow(at: At) -> Iterator[tuple[At, "Holding"]]:
    holding = Holding(at)
    yield at, holding
    RELEASE.set()
    holding.thread.join(PATIENCE)


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


def test_a_session_is_kept_from_request_to_request(at: At) -> None:
    assert at.ask("/put?a=1").headers["limpet-version"] == "2"
    answer = at.ask("/put?b=2", 2)
    assert (answer.json(), answer.headers["limpet-version"]) == ({"a": "1", "b": "2"}, "3")
    assert at.ask("/show", 3).json() == {"a": "1", "b": "2"}
    assert at.ask("/show", name=B).json() == {}


def test_the_app_runs_without_the_proxy_and_keeps_nothing(at: At) -> None:
    url = f"{at.url}/put?a=1"
    for headers in ({}, at.fields() | {"Limpet-Key": "guessed"}):
        answer = httpx.post(url, headers=headers, trust_env=False)
        assert answer.json() == {"a": "1"}
        assert not [name for name in answer.headers if name.startswith("limpet-")]
    assert at.call("GET", f"/{A}").status_code == 404


def test_the_app_sees_no_header_of_ours_and_sends_none_of_its_own(at: At) -> None:
    answer = at.ask("/names", Limpet_State="", version=3, Limpet_Takeover=TAKEOVER)
    assert not [name for name in answer.json() if "limpet" in name]
    assert "limpet-end" not in answer.headers
    assert answer.headers.get_list("limpet-version") == [str(TAKEOVER)]


def test_malformed_headers_are_answered_400_and_change_nothing(at: At) -> None:
    at.ask("/put?a=1")
    answer = at.ask("/put?a=2", Limpet_Takeover="x")
    assert (answer.status_code, answer.headers["limpet-version"]) == (400, "0")
    assert at.held() == (2, {"a": "1"})


def test_a_refused_request_does_not_reach_the_app(at: At) -> None:
    answer = at.ask("/fail", 7)
    told = (answer.status_code, answer.headers["limpet-need"], answer.headers["limpet-version"])
    assert told == (409, "state", "0")
    assert SEEN == []


def test_an_app_that_fails_still_takes_part(at: At) -> None:
    answer = at.ask("/fail")
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "1")
    assert isinstance(SEEN[0], ZeroDivisionError)
    assert at.held() == (1, {})


def test_an_error_that_the_app_answers_is_an_answer(at: At) -> None:
    assert at.ask("/missing").status_code == 404
    assert at.held() == (2, {"kept": 1})


def test_a_state_above_the_limit_raises_in_the_app_before_anything_changed(at: At) -> None:
    at.ask("/put?a=1")
    answer = at.ask("/grow", 2)
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "2")
    assert isinstance(SEEN[0], SessionTooLarge)
    assert at.held() == (2, {"a": "1"})


def test_a_state_that_cannot_be_read_is_one_failed_request(at: At) -> None:
    at.call("PUT", f"/{A}", b"not JSON", Version=3, TTL=60)
    answer = at.ask("/show", 3, Limpet_Takeover=TAKEOVER)
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "0")
    assert at.ask("/show", name=B).status_code == 200


async def test_a_stream_is_not_held_up_and_nothing_is_written_after_its_head(at: At) -> None:
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client,
        client.stream("GET", at.url + "/stream", headers=at.fields()) as answer,
    ):
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"first"
        assert answer.headers["limpet-version"] == "2"
        RELEASE.set()
        assert [piece async for piece in pieces] == [b"last"]
    assert [type(error) for error in SEEN] == [SessionClosed]
    assert at.held() == (2, {"before": 1})


def test_what_is_written_inside_a_value_after_the_head_is_an_error_too(at: At) -> None:
    assert at.ask("/inside").content == b"first"
    assert at.held() == (2, {"cart": []})
    assert [type(error) for error in SEEN] == [SessionClosed]


def test_a_large_body_passes(at: At) -> None:
    content = b"x" * 3_000_000
    answer = httpx.post(at.url + "/upload", headers=at.fields(), content=content, trust_env=False)
    assert answer.json() == {"size": len(content)} and at.held() == (2, {"size": len(content)})


def test_a_fence_lets_a_running_request_send_its_head(slow: tuple[At, Holding]) -> None:
    at, holding = slow
    fences: list[httpx.Response] = []
    fence = threading.Thread(
        target=lambda: fences.append(at.call("POST", f"/{A}/fence", Fence=TAKEOVER, TTL=60))
    )
    at.node._fence_seconds = PATIENCE
    fence.start()
    while not at.node.node.running._waits:
        assert fence.is_alive(), fences
    refused = at.ask("/show", 2)
    assert (refused.status_code, refused.headers["limpet-need"]) == (409, "state")
    assert at.ask("/put?other=1", name=B).status_code == 200
    assert holding.end().headers["limpet-version"] == "3"
    fence.join(PATIENCE)
    assert (fences[0].status_code, fences[0].json()) == (200, {"a": "1", "late": "1"})
    assert at.ask("/show", 3).headers["limpet-need"] == "state"


def test_but_not_for_ever_and_then_its_write_is_discarded(slow: tuple[At, Holding]) -> None:
    at, holding = slow
    batch = json.dumps({"id": A, "fence": TAKEOVER}).encode()
    assert json.loads(at.call("POST", "/", batch).content)["version"] == 2
    answer = holding.end()
    # The app said 409: that would mean that it has not run.
    assert (answer.status_code, answer.headers["limpet-need"]) == (503, "state")
    assert at.held() == (2, {"a": "1"})


def test_a_fence_that_is_refused_does_not_wait(slow: tuple[At, Holding]) -> None:
    at, _ = slow
    at.node._fence_seconds = 10 * PATIENCE
    assert at.call("POST", f"/{A}/fence", Fence=2).status_code == 409


def test_the_endpoint_is_only_for_who_knows_the_key(at: At) -> None:
    at.ask("/put?a=1")
    for path in ("", "/", f"/{A}", "/anything"):
        assert at.call("GET", path, Key="guessed").status_code == 403
    assert httpx.get(f"{at.url}/.limpet/sessions/{A}", trust_env=False).status_code == 403
    assert httpx.get(f"{at.url}/.limpet/sessionsx", trust_env=False).status_code == 404


def test_the_endpoint_under_a_mounted_app(at: At) -> None:
    async def ask(scope_path: str) -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        scope = {"type": "http", "method": "GET", "path": scope_path, "root_path": "/api"}
        await at.node({**scope, "headers": [(b"limpet-key", KEY.encode())]}, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(ask("/api/.limpet/sessions/")) == 200


def test_a_body_that_is_too_large_for_the_endpoint(at: At) -> None:
    assert at.call("PUT", f"/{A}", b"x" * 1_000_000, Version=3, TTL=60).status_code == 413


def test_a_head_request_has_no_body(at: At) -> None:
    at.ask("/put?a=1")
    answer = at.call("HEAD", f"/{A}")
    told = (answer.status_code, answer.headers["content-length"], answer.headers["limpet-version"])
    assert told == (200, "9", "2") and answer.content == b""


async def test_a_websocket_has_the_session(at: At) -> None:
    at.ask("/put?a=1")
    url = at.url.replace("http", "ws")
    async with websockets.connect(url + "/talk", additional_headers=at.fields(2), proxy=None) as socket:
        assert json.loads(await socket.recv()) == {"a": "1", "talked": True}
        assert socket.response is not None and socket.response.headers["Limpet-Version"] == "3"
    assert at.held() == (3, {"a": "1", "talked": True})


@pytest.mark.parametrize(
    ("path", "version", "status", "told"), [("/turn_away", 0, 403, "1"), ("/talk", 7, 409, "0")]
)
async def test_a_websocket_that_is_turned_away_says_the_version(
    at: At, path: str, version: int, status: int, told: str
) -> None:
    url = at.url.replace("http", "ws") + path
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(url, additional_headers=at.fields(version), proxy=None)
    response = refused.value.response
    assert (response.status_code, response.headers["Limpet-Version"]) == (status, told)


async def test_a_websocket_whose_write_was_discarded_is_not_accepted(at: At) -> None:
    url = at.url.replace("http", "ws") + "/talk_late"
    client = asyncio.ensure_future(
        websockets.connect(url, additional_headers=at.fields(), proxy=None).__aenter__()
    )
    assert await asyncio.to_thread(ENTERED.wait, PATIENCE)
    assert (await asyncio.to_thread(at.call, "DELETE", f"/{A}", TTL=60)).status_code == 204
    RELEASE.set()
    with pytest.raises(InvalidStatus) as refused:
        await client
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["Limpet-Need"] == "state"


def test_an_app_that_never_answers_still_takes_part() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        return

    middleware = LimpetSessionMiddleware(silent, [KEY])
    with serving(middleware) as port:
        answer = At(f"http://127.0.0.1:{port}", middleware).ask("/")
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "1")


def test_fastapi_with_one_line() -> None:
    app = FastAPI()
    app.add_middleware(LimpetSessionMiddleware, keys=[KEY])

    @app.post("/add")
    async def add(request: FastRequest) -> dict[str, Any]:
        request.session["count"] = request.session.get("count", 0) + 1
        return dict(request.session)

    @app.post("/fail")
    async def fail(request: FastRequest) -> None:
        raise ZeroDivisionError

    with serving(app) as port:
        at = At(f"http://127.0.0.1:{port}", None)  # type: ignore[arg-type]
        assert at.ask("/add").json() == {"count": 1}
        answer = at.ask("/add", 2)
        assert (answer.json(), answer.headers["limpet-version"]) == ({"count": 2}, "3")
        answer = at.ask("/fail", 3)
        assert (answer.status_code, answer.headers["limpet-version"]) == (500, "3")
        assert at.held() == (3, {"count": 2})
