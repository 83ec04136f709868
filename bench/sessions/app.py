"""The app of all contenders, and one node of it: `python -m bench.sessions.app NAME PORT KEEPING WHERE`.

KEEPING is who keeps the session: `limpet` (the SDK, with an endpoint of its own where WHERE is HOST:PORT),
`redis` (WHERE is its URL), `memory` (the app itself) or `none` (nobody: each is forgotten). All else is
alike: Starlette, uvicorn with uvloop and httptools, JSON by the SDK's serializer.
"""

import secrets
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bench.answers import mark
from bench.sessions.in_redis import InRedis
from bench.sessions.own import InMemory, NoSessions, OwnSessions
from limpet_session import LimpetSessionMiddleware, MemoryStorage

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
        "csrf": secrets.token_hex(24),  # no two are alike
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

    async def peer_requests(request: Request) -> Response:
        node = getattr(request.app.state, "node", None)
        return PlainTextResponse(str(node.counters.calls if node else 0))

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


def kept(app: Starlette, keeping: str, where: str) -> ASGIApp:
    """The app, with its sessions."""
    if keeping == "limpet":
        wrapped = LimpetSessionMiddleware(
            app, keys=[NODE_KEY], storage=MemoryStorage(), endpoint=where or None
        )
        app.state.node = wrapped.shell.node
        return wrapped
    if keeping == "none":
        return NoSessions(app)
    return OwnSessions(app, InRedis(where) if keeping == "redis" else InMemory())


def main() -> None:
    name, port, keeping, where = sys.argv[1:]
    uvicorn.run(
        kept(shop(name), keeping, where),
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on" if keeping == "limpet" else "off",
        interface="asgi3",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
