"""What clients make up: the contract's headers, and tokens that are old, foreign or tampered with."""

import json
import urllib.request
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.control.process import eventually
from tests.control.stack import KEY, Client, app, kept, stack

REPLICATION: dict[str, Any] = {"strategy": "replication"}
NAME = "q1Zp0vYcR7mXw3bKfT9eLA"
STORES = {"stores": {"local": {"embedded": "sessions.db"}}}
WAYS: list[dict[str, Any]] = [
    {"strategy": "affinity"},
    REPLICATION,
    {"strategy": "store", "store": "local", "sticky": False},
]


def sessions_of(port: int) -> list[str]:
    """The ids that a node holds."""
    url = f"http://127.0.0.1:{port}/.limpet/sessions/"
    request = urllib.request.Request(url, headers={"Limpet-Key": KEY})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return [json.loads(line)["id"] for line in answer]


@pytest.mark.parametrize("sessions", WAYS, ids=lambda way: "-".join(map(str, way.values())))
async def test_forged_headers_reach_neither_app_nor_sdk(tmp_path: Path, sessions: dict[str, Any]) -> None:
    contract = sessions is not WAYS[0]
    async with stack(tmp_path, [kept() if contract else app for _ in "ab"], sessions, **STORES) as here:
        victim, thief = here.client(), here.client()
        await victim.get("/add")
        names = {name for port in here.ports for name in sessions_of(port)} if contract else {NAME}
        assert names
        for name, mark in product(names, "-_"):
            forged = {"Key": KEY, "Session": name, "Version": "1", "TTL": "1", "State": "e30="}
            forged |= {"Takeover": str(1 << 40), "Fence": str(1 << 40), "End": "1", "Anything": "x"}
            status, told = await thief.get(
                "/", **{f"Limpet{mark}{end}": each for end, each in forged.items()}
            )
            assert (status, told["session"], told["seen"]) == (200, {}, [])
        status, told = await victim.get("/add")
        assert (status, told["session"]) == (200, {"count": 2 if contract else 1})


async def test_an_old_token_sees_the_newest_and_an_ended_one_begins_anew(tmp_path: Path) -> None:
    async with stack(tmp_path, [kept() for _ in "abc"], REPLICATION) as here:
        client = here.client()
        await client.get("/add")
        old = client.cookie
        await client.get("/add")
        for _ in range(2):
            assert (await client.get("/", cookie=old))[1]["session"] == {"count": 2}
        assert (await client.get("/add", cookie=old))[1]["session"] == {"count": 3}
        before = client.cookie
        await client.get("/login")
        for replayed in (old, before):
            status, told = await here.client().get("/add", cookie=replayed)
            assert (status, told["session"]) == (200, {"count": 1}), "from before the login: worth nothing"
        assert (await client.get("/"))[1]["session"] == {"count": 3}
        last = client.cookie
        await client.get("/end")
        assert (await client.get("/", cookie=last))[1]["session"] == {}
        assert await here.metric("limpet_sessions_lost_total") == 0


def forgeries(token: str) -> list[str]:
    """The token with one letter changed, cut, doubled, or nothing of it."""
    name, _, value = token.partition("=")
    changed = [
        value[:at] + ("B" if value[at] == "A" else "A") + value[at + 1 :]
        for at in range(0, len(value) - 1, 5)
    ]
    return [
        f"{name}={each}"
        for each in (*changed, value[:-2], value + "AA", value * 2, "", "x" * 3000, "%00", "é")
    ]


async def test_a_token_that_is_not_limpets_is_none(tmp_path: Path) -> None:
    async with stack(tmp_path, [kept() for _ in "ab"], REPLICATION) as here:
        client = here.client()
        await client.get("/add")
        for forged in forgeries(client.cookie):
            status, told = await here.client().get("/", cookie=forged)
            assert (status, told["session"]) == (200, {}), forged
        value = client.cookie.partition("=")[2]
        elsewhere = await here.client().get("/", cookie=f"limpet_mail={value}", Host="mail.example")
        assert elsewhere[1]["session"] == {}, "another service's"
        assert (await client.get("/"))[1]["session"] == {"count": 1}
        invalid = len(forgeries(client.cookie)) + 1
        await eventually(lambda: here.limpet.out.count(" IIL 200 ") == invalid)


async def test_a_token_of_another_secret_is_none(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    nodes = [kept(), kept()]
    other = {"secrets": ["another secret, as long as the first"]}
    async with (
        stack(tmp_path, nodes, REPLICATION) as here,
        stack(tmp_path / "other", nodes, REPLICATION, **other) as there,
    ):
        client = here.client()
        await client.get("/add")
        assert (await Client(f"http://127.0.0.1:{there.port}").get("/", cookie=client.cookie))[1][
            "session"
        ] == {}
