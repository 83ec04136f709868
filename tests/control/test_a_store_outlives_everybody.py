"""Limpet and all its nodes are killed: what was acknowledged is in the store, and nobody is logged out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.control.stack import Client, kept, stack
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


async def test_a_store_that_comes_back_empty_has_lost_what_was_in_it_and_says_so(tmp_path: Path) -> None:
    """Without stickiness there is nowhere else to look. What has a token never begins anew in silence."""
    redis = RedisProcess(tmp_path / "redis", "--save", "", "--appendonly", "no")
    sessions = {"strategy": "store", "store": "main", "sticky": False}
    try:
        stores = {"main": {"redis": redis.url}}
        async with stack(tmp_path, [kept(), kept()], sessions, stores=stores) as here:
            clients = [here.client() for _ in range(3)]
            for client in clients:
                assert (await client.get("/add"))[1]["session"] == {"count": 1}
            redis.stop()
            redis.start()
            for client in clients:
                for _ in range(2):
                    assert await answered(client, "/") == {}
                assert await answered(client, "/add") == {"count": 1}
            assert await here.metric("limpet_sessions_lost_total", service="shop") == len(clients)
            assert await here.metric("limpet_session_conflicts_total") == 0
    finally:
        redis.stop()


async def answered(client: Client, path: str) -> dict[str, int]:
    """The session that an answer shows, asked for until the store is there again."""
    async with asyncio.timeout(60):
        while True:
            status, told = await client.get(path)
            if status == 200:
                session: dict[str, int] = told["session"]
                return session
            assert status == 503
            await asyncio.sleep(0.05)
