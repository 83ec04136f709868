"""A counter survives its node: each answer is one more than the last, whichever node gave it."""

import asyncio
from pathlib import Path

from tests.control.process import eventually
from tests.control.shop import Counter, Shop, counting, shop

CLIENTS = 40
REPLICATION = {"strategy": "replication", "replicas": 1}


async def test_nothing_acknowledged_is_lost_when_a_node_is_killed(tmp_path: Path) -> None:
    async with shop(tmp_path, REPLICATION) as cluster, counting(cluster, CLIENTS) as clients:
        await add(clients, 5)
        going = asyncio.create_task(add(clients, 40))
        await eventually(lambda: sum(client.acknowledged for client in clients) >= 15 * CLIENTS)
        cluster.nodes[0].kill()
        await going
        await add(clients, 5)
        await all_is_well(cluster, clients)
        assert await cluster.sum("limpet_session_moves_total") > 0


async def add(clients: list[Counter], times: int) -> None:
    """Each client in its own time, one request after the other."""

    async def go(client: Counter) -> None:
        for _ in range(times):
            await client.add()

    await asyncio.gather(*(go(client) for client in clients))


async def all_is_well(cluster: Shop, clients: list[Counter]) -> None:
    """No acknowledged write is lost, and failed is at most what each client had under way at the node."""
    assert [client.wrong for client in clients if client.wrong] == []
    assert [client.failed for client in clients if len(client.failed) > 1] == []
    for name in ("sessions_lost", "sessions_stale", "session_conflicts"):
        assert await cluster.sum(f"limpet_{name}_total") == 0
    assert await cluster.sum("limpet_sessions_unprotected") == 0
