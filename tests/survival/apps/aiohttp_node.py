"""The node of these runs on aiohttp, with aiohttp-session: `aiohttp_node.py PORT`."""

import asyncio
import sys

import aiohttp_session
from aiohttp import web
from aiohttp_session import get_session, new_session

from limpet_session.aiohttp import LimpetStorage
from tests.survival.app import NODE_KEY
from tests.survival.asked import told, write


async def healthz(request: web.Request) -> web.Response:
    return web.Response(text="fine")


async def visit(request: web.Request) -> web.Response:
    """What is asked as in `tests/survival/app.py`."""
    asked = request.query
    session = await get_session(request)
    await asyncio.sleep(float(asked.get("before", 0)))
    write(session, asked)
    if "login" in asked:
        kept = dict(session)
        session = await new_session(request)
        session.update(kept)
    if "logout" in asked:
        session.invalidate()
    await asyncio.sleep(float(asked.get("after", 0)))
    return web.json_response(told(session))


def main(port: int) -> None:
    app = web.Application()
    aiohttp_session.setup(app, LimpetStorage(app, keys=[NODE_KEY]))
    app.router.add_get("/healthz", healthz)
    app.router.add_route("*", "/visit", visit)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, backlog=2048)


if __name__ == "__main__":
    main(int(sys.argv[1]))
