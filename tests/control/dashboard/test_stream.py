"""What an open dashboard is sent."""

import asyncio
import json
import logging
from typing import Any

import pytest

from control.app import make_app
from control.dashboard import stream
from control.probes import Outcome
from tests.control.admin import Client, MakeClient, admin_of, app_of, get, post
from tests.control.process import PATIENCE
from tests.control.settings import runtime, service


class Reader:
    """The messages of one stream."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def next(self, kind: str) -> tuple[Any, str]:
        """The next message of a kind, and its id."""
        async with asyncio.timeout(PATIENCE):
            while True:
                fields = {}
                while line := (await self._response.content.readline()).decode().rstrip("\n"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
                if fields.get("event") == kind:
                    return json.loads(fields["data"]), fields.get("id", "")

    async def rest(self) -> bytes:
        """All that is still to come, when it has ended."""
        rest: bytes = await self._response.content.read()
        return rest


async def opened(client: Client, **headers: str) -> Reader:
    response = await client.get("/api/stream", headers=headers)
    assert (response.status, response.content_type) == (200, "text/event-stream")
    return Reader(response)


async def test_states_and_rings_and_what_changes(aiohttp_client: MakeClient) -> None:
    running = runtime({"shop": service("abc"), "mail": service("m")})
    client = await aiohttp_client(app_of(running))
    reader = await opened(client)
    assert await reader.next("rights") == ({"acts": False}, "")
    rings = [(await reader.next("ring"))[0] for _ in range(2)]
    assert [(ring["service"], ring["nodes"]) for ring in rings] == [("shop", list("abc")), ("mail", ["m"])]
    state, _ = await reader.next("state")
    assert [fact["service"] for fact in state["services"]] == ["shop", "mail"]
    assert [fact["node"] for fact in state["nodes"]] == ["a", "b", "c", "m"]
    assert (state["stopping"], state["failovers"], state["config"]["ok"]) == (False, [], True)
    running.cluster.watches["shop"].probed(1, Outcome.FAILED, "connection refused")
    ring, _ = await reader.next("ring")
    assert ring["service"] == "shop" and 1 in rings[0]["owners"] and 1 not in ring["owners"]
    state, _ = await reader.next("state")
    assert state["nodes"][1]["state"] == "down"


async def test_events_and_those_that_were_missed(
    aiohttp_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running = runtime()
    client = await aiohttp_client(app_of(running, b"a token for the tests"))
    bearer = {"Authorization": "Bearer a token for the tests"}
    reader = await opened(client, **bearer)
    assert await reader.next("rights") == ({"acts": True}, "")
    await post(client, "/api/services/shop/nodes/b/drain", **bearer)
    events, last = await reader.next("events")
    assert [(event["kind"], event["service"], event["node"]) for event in events] == [("state", "shop", "b")]
    assert events[0]["text"] == "b is drain, was up: drained, by the operator"
    await post(client, "/api/services/shop/nodes/b/ready", **bearer)
    later = await opened(client, **bearer, **{"Last-Event-ID": last})
    events, _ = await later.next("events")
    assert [event["text"] for event in events] == ["b is up, was drain: it passes"]


async def test_a_bounded_number_of_streams(
    aiohttp_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST", 1)
    client = await aiohttp_client(app_of(runtime()))
    await opened(client)
    assert await get(client, "/api/stream") == (503, {"error": "1 dashboards are open already"})


async def test_a_stream_ends_with_the_process(aiohttp_client: MakeClient) -> None:
    app = app_of(runtime())
    client = await aiohttp_client(app)
    reader = await opened(client)
    await reader.next("state")
    await app.shutdown()
    async with asyncio.timeout(PATIENCE):
        await reader.rest()


async def test_a_stream_ends_when_the_token_is_another(aiohttp_client: MakeClient) -> None:
    admin = admin_of(runtime(), b"a token for the tests")
    client = await aiohttp_client(make_app(admin))
    reader = await opened(client, Authorization="Bearer a token for the tests")
    await reader.next("state")
    admin.token = b"another token for the tests"
    async with asyncio.timeout(PATIENCE):
        await reader.rest()


async def test_the_history(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    reader = await opened(client)
    await reader.next("state")
    _, answer = await get(client, "/api/history")
    assert (answer["services"]["step"], answer["nodes"]["step"]) == (5, 30)
    assert answer["services"]["lines"]["shop"]["requests_per_second"] == [0.0]
    assert answer["nodes"]["lines"].keys() == {"shop/a", "shop/b", "shop/c"}


async def test_no_secret_is_told(aiohttp_client: MakeClient) -> None:
    running = runtime(
        {"shop": service(sessions={"strategy": "store", "store": "main"})},
        stores={"main": {"redis": "redis://:the-password@127.0.0.1:1"}},
        node_keys=["the-node-key-of-the-tests"],
    )
    client = await aiohttp_client(app_of(running, b"a token for the tests"))
    bearer = {"Authorization": "Bearer a token for the tests"}
    reader = await opened(client, **bearer)
    told = [json.dumps((await reader.next("state"))[0])]
    paths = ("/api/nodes", "/api/services", "/api/history", "/metrics")
    told += [str((await get(client, path, **bearer))[1]) for path in paths]
    assert not [word for word in ("password", "a token", "node-key", "a secret") if word in " ".join(told)]
