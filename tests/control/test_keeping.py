"""Sessions are kept by real processes: nodes drain, come back, turn out not to know the contract."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.control.process import command
from tests.control.shop import Counter, Shop, counting, shop

REPLICATION: dict[str, Any] = {"strategy": "replication"}
CLIENTS = 30


async def add(clients: list[Counter]) -> None:
    await asyncio.gather(*(client.add() for client in clients))


async def fact(cluster: Shop, name: str) -> dict[str, Any]:
    facts: list[dict[str, Any]] = (await cluster.api("/api/nodes"))["nodes"]
    return next(each for each in facts if each["node"] == name)


@pytest.mark.parametrize(
    "sessions",
    [REPLICATION, {"strategy": "affinity", "contract": True}, {"strategy": "store", "store": "local"}],
    ids=lambda sessions: sessions["strategy"],
)
async def test_a_drained_node_can_be_stopped_and_nothing_is_lost(
    tmp_path: Path, sessions: dict[str, Any]
) -> None:
    stores = {"stores": {"local": {"embedded": "sessions.db"}}} if "store" in sessions else {}
    async with shop(tmp_path, sessions, **stores) as cluster, counting(cluster, CLIENTS) as clients:
        await add(clients)
        await add(clients)
        where = ("--admin", cluster.admin, "a")
        code, said, _ = await command(tmp_path, "drain", "--wait", "--timeout", "15", *where)
        assert (code, said.splitlines()[-1]) == (0, "shop/a: 0 sessions left, 0 requests under way")
        assert (await fact(cluster, "a"))["sessions_served"] == 0
        cluster.nodes[0].kill()
        await add(clients)
        assert [client.acknowledged for client in clients] == [3] * CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0
        assert await cluster.sum("limpet_session_moves_total") > 0
        cluster.nodes[0].start()
        await cluster.until_states(a="drain")
        assert (await command(tmp_path, "ready", *where))[0] == 0
        await cluster.until_states(a="up")


async def test_a_drain_that_cannot_end_in_time_fails(tmp_path: Path) -> None:
    async with shop(tmp_path, REPLICATION, count=2) as cluster, counting(cluster, 4) as clients:
        await add(clients)
        await command(tmp_path, "drain", "--admin", cluster.admin, "b")
        waiting = ("drain", "--wait", "--timeout", "0.5", "--admin", cluster.admin, "a")
        code, _, error = await command(tmp_path, *waiting)
        assert (code, "after 0.5 s there are" in error) == (1, True)  # nobody is there to take them


async def test_a_node_that_comes_back_empty_is_brought_into_step(tmp_path: Path) -> None:
    async with shop(tmp_path, REPLICATION) as cluster, counting(cluster, CLIENTS) as clients:
        await add(clients)
        await add(clients)
        cluster.nodes[0].kill()
        await cluster.until_states(a="down")
        await add(clients)
        cluster.nodes[0].start()
        await cluster.until_states(a="up")
        await cluster.limpet.says("from=down to=syncing")  # the log has a thread of its own
        await cluster.limpet.says("from=syncing to=up")
        await add(clients)
        assert [client.wrong + client.failed for client in clients] == [[]] * CLIENTS


async def test_a_node_without_the_contract_is_taken_out(tmp_path: Path) -> None:
    async with (
        shop(tmp_path, REPLICATION, count=2, plain="a") as cluster,
        counting(cluster, CLIENTS) as clients,
    ):
        await add(clients)
        await cluster.until_states(a="down", b="up")
        assert (await fact(cluster, "a"))["why"].startswith("no contract")
        await add(clients)
        assert [client.acknowledged for client in clients if not client.failed] != []
        assert all(client.acknowledged for client in clients)


async def test_status_and_metrics_tell_of_copies(tmp_path: Path) -> None:
    async with (
        shop(tmp_path, REPLICATION | {"reconcile_interval": "1s"}) as cluster,
        counting(cluster, CLIENTS) as clients,
    ):
        await add(clients)
        async with asyncio.timeout(60):
            while await cluster.sum("limpet_session_copies", copies="1") < CLIENTS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        [facts] = (await cluster.api("/api/services"))["services"]
        assert (facts["strategy"], facts["copies"]) == ("replication", {"0": 0, "1": CLIENTS, "2+": 0})
        assert await cluster.sum("limpet_session_writes_total", result="settled") == CLIENTS
        assert await cluster.sum("limpet_replication_seconds_count") == CLIENTS
