"""Who holds a session: real nodes are asked, and what they say is shown."""

import asyncio
from pathlib import Path
from typing import Any

from tests.control.process import PATIENCE, command
from tests.control.shop import Shop, counting, shop


async def explained(opened: Shop, cookie: str) -> dict[str, Any]:
    (found,) = (await opened.api("/api/explain", "POST", {"session": cookie}))["found"]
    assert isinstance(found, dict)
    return found


async def holders_are(opened: Shop, cookie: str, wanted: set[str]) -> dict[str, Any]:
    """The explanation as soon as the nodes say these things."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await explained(opened, cookie)
            if {holder["answer"] for holder in found["holders"]} == wanted:
                return found
            await asyncio.sleep(0.05)


async def test_a_session_is_explained_before_and_after_its_node_dies(tmp_path: Path) -> None:
    async with shop(tmp_path, {"strategy": "replication"}) as opened, counting(opened, 1) as (counter,):
        await counter.add()
        await counter.add()
        cookie = next(iter(counter.client.cookie_jar)).OutputString().partition(";")[0]
        before = await explained(opened, cookie)
        held = {holder["where"]: holder for holder in before["holders"] if holder["answer"] == "held"}
        (serving,) = (name for name, holder in held.items() if holder["serving"])
        (copy,) = held.keys() - {serving}
        assert (before["pin"], before["node"], before["reason"]) == (serving, serving, "sticky")
        assert (held[serving]["version"], held[copy]["version"]) == (before["version"], before["version"])
        assert f"{serving} serves it" in before["because"]

        opened.nodes["abc".index(serving)].kill()
        after = await holders_are(opened, cookie, {"away", "held", "none"})
        assert (after["pin_state"], after["node"], after["reason"]) == ("down", copy, "failover")
        assert f"{copy} has a copy of its state" in after["because"]

        code, out, _ = await command(tmp_path, "explain", "--admin", opened.admin, cookie)
        told = " ".join(out.split())
        assert (code, f"on {serving} not asked, since it is away" in told) == (0, True)
        assert f"on {copy} a copy, version {before['version']}" in told
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
        *_, store = (await explained(opened, cookie))["holders"]
        assert (store["where"], store["answer"], store["serving"]) == ("store local", "held", False)
        assert store["bytes"] > 0
        (fact,) = (await opened.api("/api/services"))["services"]
        assert (fact["strategy"], fact["store"], fact["writes"]["settled"]) == ("store", "local", 1)
        assert fact["copied_bytes"] > 0
