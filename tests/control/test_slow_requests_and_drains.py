"""A drain waits for the requests that a node works on, however long: none of their writes is cut off."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from limpet_session.asgi import App
from tests.control.process import PATIENCE
from tests.control.stack import Client, Stack, app, kept, stack

SLOW_SECONDS = 1.5  # longer than a fence lets running requests go on
WAYS: list[dict[str, Any]] = [
    {"strategy": "replication"},
    {"strategy": "affinity", "contract": True},
    {"strategy": "store", "store": "local"},
]


class Gate:
    """Requests for `/held` wait here."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def guarding(self) -> App:
        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/held":
                self.reached.set()
                while not self.open.is_set():  # noqa: ASYNC110 - of another thread
                    await asyncio.sleep(0.01)
                scope["path"] = "/add"
            await app(scope, receive, send)

        return guarded


async def facts(shop: Stack) -> dict[str, Any]:
    """What the API says of each node of the shop."""
    async with aiohttp.ClientSession() as client, client.get(shop.admin + "/api/nodes") as answer:
        listed = (await answer.json())["nodes"]
    return {fact["node"]: fact for fact in listed if fact["service"] == "shop"}


async def until(shop: Stack, node: str, left: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await facts(shop))[node]["sessions_left"] != left:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.05)


async def drain(shop: Stack, node: str) -> None:
    url = f"{shop.admin}/api/services/shop/nodes/{node}/drain"
    async with aiohttp.ClientSession() as client, client.post(url, json={}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("sessions", WAYS, ids=lambda way: way["strategy"])
async def test_a_slow_write_is_not_cut_off(tmp_path: Path, sessions: dict[str, Any]) -> None:
    gate = Gate()
    stores = {"stores": {"local": {"embedded": "sessions.db"}}} if "store" in sessions else {}
    apps = [kept(app=gate.guarding()), kept(app=gate.guarding())]
    async with stack(tmp_path, apps, sessions, **stores) as shop:
        idle, user = shop.client(), shop.client()
        assert (await user.get("/add"))[1]["session"] == {"count": 1}
        node = next(name for name, fact in (await facts(shop)).items() if fact["answers"]["2xx"])
        await joined(shop, idle, node)
        slow = asyncio.create_task(user.get("/held"))
        await asyncio.to_thread(gate.reached.wait, PATIENCE)
        await drain(shop, node)
        await until(shop, node, left=1)  # the idle one has gone, and comes to the other node
        assert (await idle.get("/add"))[1]["session"]["count"] == 2
        other = Client(f"http://127.0.0.1:{shop.port}")
        other.cookie = user.cookie
        assert (await other.get("/big"))[0] == 200, "goes where the slow one is"
        await asyncio.sleep(SLOW_SECONDS)  # several passes try to move it
        gate.open.set()
        status, said = await slow
        assert (status, said["session"]["count"]) == (200, 2)
        await until(shop, node, left=0)
        assert (await user.get("/add"))[1]["session"]["count"] == 3
        assert (await facts(shop))[node]["inflight"] == 0


async def joined(shop: Stack, client: Client, node: str) -> None:
    """A session of this client at this node."""
    while True:
        client.cookie = ""
        before = (await facts(shop))[node]["answers"]["2xx"]
        await client.get("/add")
        if (await facts(shop))[node]["answers"]["2xx"] > before:
            return
