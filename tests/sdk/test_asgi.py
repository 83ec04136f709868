"""The ASGI shell under a real uvicorn, with Starlette and FastAPI."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi import Request as FastRequest

from limpet_session import LimpetSessionMiddleware, SessionClosed, SessionTooLarge
from limpet_session.asgi import Message, Receive, Scope, Send
from tests.sdk.app import RELEASE, SEEN, At
from tests.sdk.nodes import KEY, TAKEOVER, A, B
from tests.sdk.serving import PATIENCE, serving


def test_a_session_is_kept_from_request_to_request(at: At) -> None:
    assert at.ask("/put?a=1").headers["limpet-version"] == "2"
    answer = at.ask("/put?b=2", 2)
    assert (answer.json(), answer.headers["limpet-version"]) == ({"a": "1", "b": "2"}, "3")
    assert at.ask("/show", 3).json() == {"a": "1", "b": "2"}
    assert at.ask("/show", name=B).json() == {}


def test_the_app_runs_without_the_proxy_and_keeps_nothing(at: At) -> None:
    url = f"{at.url}/put?a=1"
    for headers in ({}, at.fields() | {"Limpet-Key": "guessed"}):
        answer = httpx.post(url, headers=headers, trust_env=False, timeout=60)
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
    assert at.held() == (1, {})
    assert isinstance(SEEN[0], ZeroDivisionError)


def test_an_error_that_the_app_answers_is_an_answer(at: At) -> None:
    assert at.ask("/missing").status_code == 404
    assert at.held() == (2, {"kept": 1})


def test_a_state_above_the_limit_raises_in_the_app_before_anything_changed(at: At) -> None:
    at.ask("/put?a=1")
    answer = at.ask("/grow", 2)
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "2")
    assert at.held() == (2, {"a": "1"})
    assert isinstance(SEEN[0], SessionTooLarge)


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
    assert at.held() == (2, {"before": 1})
    assert [type(error) for error in SEEN] == [SessionClosed]


def test_what_is_written_inside_a_value_after_the_head_is_an_error_too(at: At) -> None:
    assert at.ask("/inside").content == b"first"
    assert at.held() == (2, {"cart": []})
    assert [type(error) for error in SEEN] == [SessionClosed]


def test_a_large_body_passes(at: At) -> None:
    content = b"x" * 3_000_000
    answer = httpx.post(at.url + "/upload", headers=at.fields(), content=content, trust_env=False, timeout=60)
    assert answer.json() == {"size": len(content)} and at.held() == (2, {"size": len(content)})


def test_the_endpoint_is_only_for_who_knows_the_key(at: At) -> None:
    at.ask("/put?a=1")
    for path in ("", "/", f"/{A}", "/anything"):
        assert at.call("GET", path, Key="guessed").status_code == 403
    assert httpx.get(f"{at.url}/.limpet/sessions/{A}", trust_env=False, timeout=60).status_code == 403
    assert httpx.get(f"{at.url}/.limpet/sessionsx", trust_env=False, timeout=60).status_code == 404


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
    assert at.call("POST", "/", b"\n" * 1_000_000).status_code == 413


def test_a_head_request_has_no_body(at: At) -> None:
    at.ask("/put?a=1")
    answer = at.call("HEAD", f"/{A}")
    told = (answer.status_code, answer.headers["content-length"], answer.headers["limpet-version"])
    assert told == (200, "9", "2") and answer.content == b""


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
