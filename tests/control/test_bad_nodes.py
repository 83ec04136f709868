"""Nodes that break the session contract: what the client gets, what is counted and said, and who goes on."""

import json
from pathlib import Path
from typing import Any

from limpet_session.asgi import App
from tests.control.process import eventually
from tests.control.stack import Client, Stack, kept, stack

REPLICATION = {"strategy": "replication"}


def broken(node: App) -> App:
    """Where a request says `X-Answer: NAME=VALUE`, the node's answer has this field; `|` makes two of it."""

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        asked = dict(scope["headers"])

        async def pass_on(event: Any) -> None:
            if event["type"] == "http.response.start" and b"x-answer" in asked:
                name, _, value = asked[b"x-answer"].partition(b"=")
                fields = [field for field in event["headers"] if field[0].lower() != name]
                event = {**event, "headers": [*fields, *((name, each) for each in value.split(b"|"))]}
            await send(event)

        await node(scope, receive, pass_on)

    return changed


def needy(node: App, asked: list[int]) -> App:
    """Each request to its app is answered that it needs the state. `asked` grows with each."""

    async def never(scope: Any, receive: Any, send: Any) -> None:
        if b"limpet-session" not in dict(scope["headers"]):
            await node(scope, receive, send)  # the endpoint, and probes
            return
        asked.append(1)
        headers = [(b"limpet-need", b"state"), (b"limpet-version", b"0"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 409, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return never


async def count(client: Client) -> tuple[int, int]:
    """One more: status, and the count."""
    status, told = await client.get("/add")
    return status, told["session"]["count"] if status == 200 else 0


async def facts(here: Stack) -> dict[str, dict[str, Any]]:
    nodes = (await Client(here.admin).get("/api/nodes"))[1]["nodes"]
    return {fact["node"]: fact for fact in nodes if fact["service"] == "shop"}


async def test_a_state_above_the_nodes_own_limit_is_refused_before_anything_has_changed(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, [kept(max_state=4096) for _ in "ab"], REPLICATION) as here:
        client = here.client()
        assert await count(client) == (200, 1)
        assert (await client.get("/big"))[0] == 500
        assert await count(client) == (200, 2)
        assert await here.metric("limpet_session_writes_total", result="settled", service="shop") == 2
        assert await here.metric("limpet_session_moves_total") == 0


async def test_a_state_above_the_proxys_limit_is_502_counted_told_and_undone(tmp_path: Path) -> None:
    sessions = {**REPLICATION, "max_state": "4KiB"}
    async with stack(tmp_path, [kept() for _ in "abc"], sessions) as here:
        client = here.client()
        assert await count(client) == (200, 1)
        token = client.cookie
        for counted in (1, 2):
            assert (await client.get("/big"))[0] == 502
            assert await here.metric("limpet_session_writes_total", result="too_large") == counted
        assert client.cookie == token, "the client's session is what it was"
        assert await count(client) == (200, 2)
        assert await here.metric("limpet_sessions_lost_total") == 0
        await eventually(lambda: here.limpet.out.count("fault=state_too_large") == 2)
        await here.limpet.says("service shop: . answers were refused .* above max_state, 4096 bytes")


async def test_what_is_not_as_the_contract_has_it_is_502_and_takes_nobody_down(tmp_path: Path) -> None:
    bad = [
        *("limpet-version=x", "limpet-version=1.5", "limpet-version=-1", "limpet-version=07"),
        *("limpet-version=9007199254740992", "limpet-version=2|3", "limpet-version=", "limpet-version=0"),
        *("limpet-state=not base64", "limpet-state=eyJ9e", f"limpet-state={'A' * 8000}"),
        *("limpet-need=magic", "limpet-end=yes", "limpet-renew=short", "limpet-renew=../../etc"),
    ]
    async with stack(tmp_path, [broken(kept()) for _ in "ab"], REPLICATION) as here:
        client = here.client()
        assert await count(client) == (200, 1)
        for field in bad:
            token = client.cookie
            status, _ = await client.get("/", **{"X-Answer": field})
            assert (status, client.told) == (502, []), field
            assert (await client.get("/"))[1]["session"] == {"count": 1}, field
            assert client.cookie == token
        await eventually(lambda: here.limpet.out.count("fault=broken") == len(bad))
        assert {fact["state"] for fact in (await facts(here)).values()} == {"up"}


async def test_a_node_that_asks_for_ever_is_502_soon(tmp_path: Path) -> None:
    asked: list[int] = []
    async with stack(tmp_path, [needy(kept(), asked) for _ in "ab"], REPLICATION) as here:
        status, told = await here.client().get("/")
        assert (status, "again and again" in told["detail"]) == (502, True)
        assert len(asked) == 5
        await eventually(lambda: "fault=need_forever" in here.limpet.out)


async def test_a_node_with_another_key_is_taken_out_and_told_of(tmp_path: Path) -> None:
    async with stack(tmp_path, [kept(keys=["a-key-that-limpet-does-not-have"]), kept()], REPLICATION) as here:
        clients = [here.client() for _ in range(8)]
        for client in clients:
            status, told = await client.get("/add")
            assert status == 502 or told["seen"] == []
        nodes = await facts(here)
        assert (nodes["a"]["state"], nodes["b"]["state"]) == ("down", "up")
        # Where the first five begin at b, what a did with their copies takes it out before a request does.
        assert nodes["a"]["why"].startswith(("no contract: ", "ejected: its sessions could not be had"))
        await here.limpet.says("session endpoint of node shop/a refused our key")
        assert {(await count(client))[0] for client in clients} == {200}
        failed = [line for line in here.limpet.out.splitlines() if " 502 " in line]
        assert len(failed) <= 1 + here.limpet.err.count("node=a from=down")


async def test_what_a_node_says_of_itself_stays_between_it_and_limpet(tmp_path: Path) -> None:
    async with stack(tmp_path, [broken(kept()) for _ in "ab"], {"strategy": "affinity"}) as here:
        client = here.client()
        for field in ("limpet-version=3", "limpet-state=eA==", "limpet-key=leaked", "limpet_end=1"):
            status, told = await client.get("/", **{"X-Answer": field})
            assert (status, told["seen"]) == (200, [])
            assert not [name for name in client.fields if name.lower().startswith("limpet")]


async def test_garbage_from_an_endpoint_is_silence_and_said_once(tmp_path: Path) -> None:
    async def garbled(scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith("/.limpet"):
            await node(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"id": 7}\nnot JSON\n'})

    node = kept()
    async with stack(tmp_path, [garbled, kept(), kept()], REPLICATION) as here:
        clients = [here.client() for _ in range(20)]
        for turn in (1, 2):
            assert {await count(client) for client in clients} == {(200, turn)}
        await eventually(lambda: "gave an answer that cannot be understood" in here.limpet.err)
        assert await here.metric("limpet_sessions_unprotected", service="shop") == 0
        assert here.limpet.err.count("session endpoint of node shop/a gave an answer") == 1
        assert json.dumps(await facts(here))
