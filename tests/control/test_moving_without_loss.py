"""Nodes are added, balanced anew and restarted in turn under load: no request fails, no session is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from control.draining import drained
from routing.ring import Ring
from tests.control.process import PATIENCE
from tests.control.session_node import KEY
from tests.control.shop import Counter, Shop, counting, shop

CLIENTS = 30
WAYS: list[dict[str, Any]] = [
    {"strategy": "replication"},
    {"strategy": "affinity", "contract": True},
    {"strategy": "store", "store": "local"},
]


@asynccontextmanager
async def load(clients: list[Counter]) -> AsyncIterator[None]:
    """Each client counts without a pause while the block runs."""
    over = asyncio.Event()

    async def go(client: Counter) -> None:
        while not over.is_set():
            await client.add()
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(go(client)) for client in clients]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*tasks)


async def served(cluster: Shop) -> dict[str, int]:
    """Sessions by node, when the lists were last compared."""
    return {fact["node"]: fact["sessions_served"] for fact in (await cluster.api("/api/nodes"))["nodes"]}


async def preferring(cluster: Shop, node: str) -> int:
    """How many of the sessions that there are would begin on this node if they began now."""
    ring, names = Ring(dict.fromkeys("abc", 1), 500), set[str]()
    async with aiohttp.ClientSession(headers={"Limpet-Key": KEY}) as client:
        for each in cluster.nodes:
            async with client.get(f"http://127.0.0.1:{each.port}/.limpet/sessions/?limit=1000") as answer:
                names.update(json.loads(line)["id"] for line in (await answer.text()).splitlines())
    assert len(names) == CLIENTS
    return sum("abc"[ring.first(name)] == node for name in names)


@asynccontextmanager
async def scaled_up(folder: Path, sessions: dict[str, Any]) -> AsyncIterator[tuple[Shop, list[Counter]]]:
    """Sessions that began on two nodes; a third one has come, and the clients go on."""
    sessions = {**sessions, "reconcile_interval": "1s"}
    stores = {"stores": {"local": {"embedded": "sessions.db"}}} if "store" in sessions else {}
    async with shop(folder, sessions, **stores) as cluster, counting(cluster, CLIENTS) as clients:
        cluster.nodes[2].kill()
        await cluster.until_states(c="down")
        await asyncio.gather(*(client.add() for client in clients))
        async with load(clients):
            cluster.nodes[2].start()
            await cluster.until_states(c="up")
            yield cluster, clients
        assert [client.wrong + client.failed for client in clients] == [[]] * CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0


@pytest.mark.parametrize("sessions", WAYS, ids=lambda way: way["strategy"])
async def test_a_new_node_gets_its_share_with_the_state_where_that_is_asked_for(
    tmp_path: Path, sessions: dict[str, Any]
) -> None:
    balanced = {**sessions, "rebalance": "on", "move_rate": 10}
    async with scaled_up(tmp_path, balanced) as (cluster, _):
        loop = asyncio.get_running_loop()
        began = loop.time()
        fair = await preferring(cluster, "c")  # about a third: the ids are random
        async with asyncio.timeout(PATIENCE):
            while (await served(cluster))["c"] != fair:  # noqa: ASYNC110 - nothing says when
                await asyncio.sleep(0.1)
        moved = await cluster.sum("limpet_session_moves_total")
        assert fair <= moved <= min(CLIENTS, 10 * (loop.time() - began + 3.0)), "each once, not all at once"


async def test_without_that_everybody_stays(tmp_path: Path) -> None:
    async with scaled_up(tmp_path, WAYS[0]) as (cluster, clients):
        before = [client.acknowledged for client in clients]  # `up` means that the lists were compared
        async with asyncio.timeout(PATIENCE):
            while any(  # noqa: ASYNC110 - nothing says when
                client.acknowledged < old + 3 for client, old in zip(clients, before, strict=True)
            ):
                await asyncio.sleep(0.1)
        assert (await served(cluster))["c"] == 0
        assert await cluster.sum("limpet_session_moves_total") == 0
        assert await cluster.sum("limpet_session_copies", copies="0") == 0, (
            "also of what is written meanwhile"
        )


async def restart(cluster: Shop, index: int) -> None:
    """Drain it until nothing is left, stop it, start it again, empty, and take it back."""
    name = "abc"[index]
    await cluster.api(f"/api/services/shop/nodes/{name}/drain", "POST", {})
    async with asyncio.timeout(PATIENCE):
        while not drained(await cluster.fact(name)):  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.05)
    cluster.nodes[index].kill()
    cluster.nodes[index].start()
    await cluster.api(f"/api/services/shop/nodes/{name}/ready", "POST", {})
    await cluster.until_states(**{name: "up"})


@pytest.mark.parametrize("sessions", [WAYS[1], {**WAYS[2], "sticky": False}], ids=["affinity", "unsticky"])
async def test_a_rolling_restart(tmp_path: Path, sessions: dict[str, Any]) -> None:
    """With the other strategies it is in tests/survival/schedules.py."""
    stores = {"stores": {"local": {"embedded": "sessions.db"}}} if "store" in sessions else {}
    async with shop(tmp_path, sessions, **stores) as cluster, counting(cluster, CLIENTS) as clients:
        await asyncio.gather(*(client.add() for client in clients))
        async with load(clients):
            for index in range(3):
                await restart(cluster, index)
        assert [client.wrong + client.failed for client in clients] == [[]] * CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0
