"""A Starlette app for uvicorn's workers: `tests.sdk.workers_app:app`."""

import asyncio
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from limpet_session import LimpetSessionMiddleware, MemoryStorage
from limpet_session.shell import Options
from tests.sdk.nodes import KEY


async def answer(request: Request) -> JSONResponse:
    session = request.session
    match request.path_params["what"]:
        case "put":
            session.update(request.query_params)
        case "slow":
            await asyncio.sleep(0.7)
            session["slow"] = 1
        case "large":
            session["large"] = "x" * 5000
        case "end":
            session.end()  # type: ignore[attr-defined]
        case "renew":
            session.renew()  # type: ignore[attr-defined]
    return JSONResponse({**session, "pid": os.getpid()})


app = Starlette(routes=[Route("/{what}", answer, methods=["GET", "POST"])])
STORAGE: Options = (
    {"storage": MemoryStorage()} if "MEMORY" in os.environ else {"file": os.environ.get("SESSIONS")}
)
app.add_middleware(LimpetSessionMiddleware, keys=[os.environ.get("LIMPET_NODE_KEYS", KEY)], **STORAGE)
