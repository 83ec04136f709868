"""Who holds a session: real nodes are asked, and what they say is shown."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.control.process import PATIENCE, command
from tests.control.shop import Shop, counting, shop


async def explained(opened: Shop, cookie: str) -> dict[str, Any]:
    (found,) = (await opened.api("/api/explain", "POST", {"session": cookie}))["found"]
    assert isinstance(found, dict)
    return found


async def explained_when(opened: Shop, cookie: str, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The explanation as soon as it is so: on a slow machine a node or a copy may take its time."""
    async with asyncio.timeout(PATIENCE):
        while not so(found := await explained(opened, cookie)):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.05)
    return found


def up_to_date(found: dict[str, Any]) -> list[str]:
    """Who holds the state that the token has seen."""
    return [holder["where"] for holder in found["holders"] if holder["version"] == found["version"]]


def answers(found: dict[str, Any]) -> set[str]:
    return {holder["answer"] for holder in found["holders"]}


async def test_a_session_is_explained_before_and_after_its_node_dies(tmp_path: Path) -> None:
    async with shop(tmp_path, {"strategy": "replication"}) as opened, counting(opened, 1) as (counter,):
        await counter.add()
        await counter.add()
        cookie = next(iter(counter.client.cookie_jar)).OutputString().partition(";")[0]
        before = await explained_when(opened, cookie, lambda found: len(up_to_date(found)) == 2)
        (serving,) = (holder["where"] for holder in before["holders"] if holder["serving"])
        (copy,) = set(up_to_date(before)) - {serving}
        assert (before["pin"], before["node"], before["reason"]) == (serving, serving, "sticky")
        assert f"{serving} serves it" in before["because"]

        opened.nodes["abc".index(serving)].kill()
        after = await explained_when(opened, cookie, lambda found: "away" in answers(found))
        assert (after["pin_state"], after["node"], after["reason"]) == ("down", copy, "failover")
        await explained_when(opened, cookie, lambda found: f"{copy} has a copy" in found["because"])

        code, out, _ = await command(tmp_path, "explain", "--admin", opened.admin, cookie)
        told = " ".join(out.split())
        assert (code, f"on {serving} not asked, since it is away" in told) == (0, True)
        assert f"would go to {copy} (failover)" in told
        assert cookie.partition("=")[2] not in out


async def test_a_store_is_asked_too(tmp_path: Path) -> None:
    sessions = {"strategy": "store", "store": "local"}
    stores = {"local": {"embedded": str(tmp_path / "sessions.db")}}
    async with (
        shop(tmp_path, sessions, count=2, stores=stores) as opened,
        counting(opened, 1) as (counter,),
    ):
        await counter.add()
        cookie = next(iter(counter.client.cookie_jar)).OutputString().partition(";")[0]
        found = await explained_when(opened, cookie, lambda found: "store local" in up_to_date(found))
        *_, store = found["holders"]
        assert (store["where"], store["answer"], store["serving"]) == ("store local", "held", False)
        assert store["bytes"] > 0
        (fact,) = (await opened.api("/api/services"))["services"]
        assert (fact["strategy"], fact["store"], sum(fact["writes"].values())) == ("store", "local", 1)
        assert fact["copied_bytes"] > 0
