"""The admin port of the tests, and how they ask it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from control.app import Admin, make_app
from control.metrics import Metrics
from control.runtime import Runtime
from control.staff import Oneself
from sessions.privacy import Pseudonyms
from tests.control.settings import SECRET

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[[web.Application], Awaitable[Client]]
DRAIN = "/api/services/shop/nodes/b/drain"


def app_of(running: Runtime, token: bytes | None = None) -> web.Application:
    return make_app(admin_of(running, token))


def admin_of(running: Runtime, token: bytes | None = None) -> Admin:
    return Admin(
        running.engine,
        running.cluster,
        Pseudonyms(SECRET),
        Metrics(running.engine, running.keeping),
        running.keeping,
        Oneself(running.engine),
        running.cookies,
        token,
    )


async def get(client: Client, path: str, **headers: str) -> tuple[int, Any]:
    async with client.get(path, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if response.content_type == "application/json" else text


async def post(client: Client, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body)
    async with client.post(path, data=data, headers=headers) as response:
        return response.status, await response.json()
