"""The app of all contenders, and one node of it: `python -m bench.sessions.app NAME PORT KEEPING URL`.

KEEPING is who keeps the session: `limpet` (the SDK), `redis` (at URL) or `memory` (the app itself). All else
is alike: Starlette, uvicorn with uvloop and httptools, JSON by the SDK's serializer.
"""

import sys
from collections.abc import Awaitable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.answers import mark
from bench.sessions.in_redis import InRedis
from bench.sessions.own import InMemory, OwnSessions
from limpet_session import LimpetSessionMiddleware

NODE_KEY = "a-key-for-the-bench"
STATE_BYTES = 2048  # as JSON, about


def first_state() -> dict[str, object]:
    """What a shop knows of somebody who has looked round: who, a cart, what was seen last."""
    items = [
        {"sku": f"LP-{number:05}", "title": f"Limpet, size {number}", "price": 1990 + number, "amount": 1}
        for number in range(20)
    ]
    return {
        "user": {"id": 4711, "name": "a user of the bench", "language": "en"},
        "csrf": "5f2b8f0e4d7c4a0f9c3e1d6b7a8f9e0c1d2b3a4f5e6d7c8b",
        "cart": items,
        "seen": [f"/products/{number:05}/a-limpet-of-size-{number}" for number in range(10)],
    }


def shop(name: str) -> Starlette:
    """`GET /read` and `POST /write` answer with the node's mark and the session's count of writes."""
    start = mark(name)

    def answer(request: Request) -> Response:
        return Response(start + b"%d" % request.session.get("count", 0), media_type="text/plain")

    async def read(request: Request) -> Response:
        return answer(request)

    async def write(request: Request) -> Response:
        await request.body()
        session = request.session
        if not session:
            session.update(first_state())
        session["count"] = session.get("count", 0) + 1
        return answer(request)

    async def peer_requests(_request: Request) -> Response:
        return PlainTextResponse(str(Counted.peer_requests))

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/read", read),
            Route("/write", write, methods=["POST"]),
            Route("/peer-requests", peer_requests),
            Route("/health", health),
        ]
    )


class Counted:
    """Requests to the session endpoint, in front of it."""

    peer_requests = 0

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["path"].startswith("/.limpet/"):
            Counted.peer_requests += 1
        return self.app(scope, receive, send)


def kept(app: ASGIApp, keeping: str, url: str) -> ASGIApp:
    """The app, with its sessions."""
    if keeping == "limpet":
        return Counted(LimpetSessionMiddleware(app, keys=[NODE_KEY]))
    return OwnSessions(app, InRedis(url) if keeping == "redis" else InMemory())


def main() -> None:
    name, port, keeping, url = sys.argv[1:]
    uvicorn.run(
        kept(shop(name), keeping, url),
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
