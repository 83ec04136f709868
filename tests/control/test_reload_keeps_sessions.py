"""Nodes that a reload takes out or brings in: their sessions go elsewhere with their state, under load."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from tests.control.process import PATIENCE
from tests.control.shop import Shop, counting, shop
from tests.control.test_moving_without_loss import load

CLIENTS = 12


async def reload(cluster: Shop, folder: Path, change: Any) -> None:
    """Change the file's only service, and have it read again."""
    file = folder / "proxy.yaml"
    settings = json.loads(file.read_text())
    change(settings["services"]["shop"])
    file.write_text(json.dumps(settings))
    before = (await cluster.api("/api/config"))["tried"]
    cluster.limpet.signal(signal.SIGHUP)
    async with asyncio.timeout(PATIENCE):
        while (facts := await cluster.api("/api/config"))["tried"] == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert facts["ok"], facts["problems"]


async def test_a_node_is_taken_out_stopped_and_put_back(tmp_path: Path) -> None:
    sessions = {"strategy": "replication", "reconcile_interval": "1s"}
    async with shop(tmp_path, sessions) as cluster, counting(cluster, CLIENTS) as clients:
        await asyncio.gather(*(client.add() for client in clients))
        taken: list[Any] = []
        async with load(clients):
            await reload(cluster, tmp_path, lambda service: taken.append(service["nodes"].pop(1)))
            assert (await cluster.fact("b"))["why"] == "no longer in the configuration"
            await cluster.limpet.says("node gone: service=shop node=b")
            assert "b" not in await cluster.states()
            moved = await cluster.sum("limpet_session_moves_total")
            cluster.nodes[1].kill()
            cluster.nodes[1].start()  # empty: whatever was only there is lost
            await reload(cluster, tmp_path, lambda service: service["nodes"].insert(0, taken[0]))
            await cluster.until_states(a="up", b="up", c="up")
            counts = [client.acknowledged for client in clients]
            async with asyncio.timeout(PATIENCE):
                while any(  # noqa: ASYNC110 - nothing says when
                    client.acknowledged < count + 3 for client, count in zip(clients, counts, strict=True)
                ):
                    await asyncio.sleep(0.05)
        assert [client.wrong + client.failed for client in clients] == [[]] * CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0
        assert await cluster.sum("limpet_session_moves_total") == moved <= CLIENTS, "each that had to, once"


async def test_another_strategy_keeps_what_the_nodes_have(tmp_path: Path) -> None:
    """From copies on nodes to a store, which is given what it lacks; then a node dies."""
    stores = {"stores": {"local": {"embedded": "sessions.db"}}}
    sessions = {"strategy": "replication", "reconcile_interval": "1s"}
    async with shop(tmp_path, sessions, **stores) as cluster, counting(cluster, CLIENTS) as clients:
        await asyncio.gather(*(client.add() for client in clients))
        stored = {"strategy": "store", "store": "local", "reconcile_interval": "1s"}
        async with load(clients):
            await reload(cluster, tmp_path, lambda service: service.update(sessions=stored))
        facts = (await cluster.api("/api/services"))["services"]
        assert facts[0]["strategy"] == "store"
        cluster.nodes[0].kill()
        await cluster.until_states(a="down")
        await asyncio.gather(*(client.add() for client in clients))
        assert [client.wrong + client.failed for client in clients] == [[]] * CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0
