"""Limpet and all its nodes are killed: what was acknowledged is in the store, and nobody is logged out."""

from pathlib import Path
from typing import Any

import pytest

from tests.control.stack import kept, stack
from tests.sessions.stores.processes import RedisProcess

CLIENTS = 10


async def served_and_killed(
    folder: Path, sessions: dict[str, Any], stores: dict[str, Any], cookies: list[str]
) -> list[int]:
    """One request of each client to a new Limpet and new nodes, which then are killed; what they counted."""
    counts = []
    async with stack(folder, [kept() for _ in "abc"], sessions, stores=stores) as here:
        for at, cookie in enumerate(cookies):
            client = here.client()
            client.cookie = cookie
            counts.append((await client.get("/add"))[1]["session"]["count"])
            cookies[at] = client.cookie
        assert await here.metric("limpet_sessions_lost_total") == 0
    return counts


@pytest.mark.parametrize("kind", ["embedded", "redis"])
async def test_everybody_dies_twice(tmp_path: Path, kind: str) -> None:
    redis = RedisProcess(tmp_path / "redis", "--save", "", "--appendonly", "yes", "--appendfsync", "always")
    try:
        stores = {"main": {"redis": redis.url} if kind == "redis" else {"embedded": "sessions.db"}}
        cookies = [""] * CLIENTS
        for life in (1, 2):
            counts = await served_and_killed(
                tmp_path, {"strategy": "store", "store": "main"}, stores, cookies
            )
            assert counts == [life] * CLIENTS
            redis.stop()
            redis.start()
    finally:
        redis.stop()


async def test_a_fallback_has_what_no_node_has_any_more(tmp_path: Path) -> None:
    """Of `replication`, too: where there are too few nodes for the copies, they are in the store."""
    stores, sessions = {"main": {"embedded": "sessions.db"}}, {"strategy": "replication", "fallback": "main"}
    cookies = [""] * CLIENTS
    async with stack(
        tmp_path, [kept(), kept(keys=["no-key-of-limpet-at-all"])], sessions, stores=stores
    ) as here:
        clients = [here.client() for _ in cookies]
        for client in clients:
            while (await client.get("/add"))[
                0
            ] != 200:  # the other one is taken out with the first that it gets
                pass
        assert await here.metric("limpet_sessions_unprotected") == 0
        cookies = [client.cookie for client in clients]
    assert await served_and_killed(tmp_path, sessions, stores, cookies) == [2] * CLIENTS
