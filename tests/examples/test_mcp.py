"""The real MCP client through Limpet: sessions in several processes, told apart by `Mcp-Session-Id`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.examples.running import Example, Limpet, example, limpet, until

CLIENTS = 9


class Scene(NamedTuple):
    app: Example
    limpet: Limpet


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with example("mcp", tmp_path) as app, limpet(app.config, tmp_path) as proxy:
        yield Scene(app, proxy)


@asynccontextmanager
async def connected(proxy: Limpet, number: int, mode: str = "legacy") -> AsyncIterator[Client]:
    """An MCP client with an address of its own; `legacy` is the protocol that has sessions."""
    transport = httpx2.AsyncHTTPTransport(local_address=f"127.0.3.{number + 1}")
    async with (
        httpx2.AsyncClient(transport=transport, timeout=20) as http,
        Client(streamable_http_client(f"{proxy.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """A tool's result; fails on an error."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    return answer.structured_content["result"]


async def test_each_session_stays_in_its_process(scene: Scene) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(scene.limpet, n)) for n in range(CLIENTS)]
        nodes = [await call(client, "which_node") for client in clients]
        assert len(set(nodes)) > 1
        for number in (1, 2, 3):
            said = await asyncio.gather(
                *(call(client, "add_note", text=f"{n}-{number}") for n, client in enumerate(clients))
            )
            assert said == [f"{number} on node {node}" for node in nodes]
        notes = await asyncio.gather(*(call(client, "list_notes") for client in clients))
        assert notes == [[f"{n}-{number}" for number in (1, 2, 3)] for n in range(CLIENTS)]


async def test_progress_comes_while_a_tool_works(scene: Scene) -> None:
    heard: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(done)

    async with connected(scene.limpet, 0) as client:
        answer = await client.call_tool("count_up", {"to": 20}, progress_callback=progress)
    assert answer.structured_content == {"result": 20}
    assert heard == [float(number) for number in range(1, 21)]


async def test_a_client_sees_a_sealed_id_and_its_node_the_apps_own(scene: Scene) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(timeout=20, headers=headers) as http:
        direct = await http.post(f"http://127.0.0.1:{scene.app.ports['a']}/mcp", json=hello)
        through = await http.post(f"{scene.limpet.url}/mcp", json=hello)
        sealed = through.headers["mcp-session-id"]
        assert len(sealed) > len(direct.headers["mcp-session-id"]) == 32

        listing = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        good = await http.post(f"{scene.limpet.url}/mcp", json=listing, headers={"mcp-session-id": sealed})
        assert good.status_code == 200
        # One bit of the seal: whoever changes it has no session with any node.
        forged = sealed[:-1] + ("A" if sealed[-1] != "A" else "Q")
        bad = await http.post(f"{scene.limpet.url}/mcp", json=listing, headers={"mcp-session-id": forged})
        assert bad.status_code in (400, 404)


async def test_the_protocol_without_sessions_is_served_by_any_node(scene: Scene) -> None:
    async with connected(scene.limpet, 0, mode="auto") as client:
        assert client.protocol_version == "2026-07-28"
        assert await call(client, "which_node") in "abc"


async def test_a_strict_service_keeps_a_session_for_its_own_node(scene: Scene) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream"}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(scene.limpet, n)) for n in range(CLIENTS)]
        nodes = [await call(client, "which_node") for client in clients]
        victim = nodes[0]
        for client in clients:
            await call(client, "add_note", text="before")
        ids = await session_ids(scene, headers)
        scene.app.nodes[victim].kill()
        for client, node in zip(clients, nodes, strict=True):
            if node != victim:
                assert await call(client, "add_note", text="after") == f"2 on node {node}"
        async with httpx.AsyncClient(timeout=20, headers=headers) as http:
            lost = await http.post(
                f"{scene.limpet.url}/mcp", json=hello, headers={"mcp-session-id": ids[victim]}
            )
            assert lost.status_code == 503
            assert int(lost.headers["retry-after"]) > 0

            scene.app.start(victim)
            scene.app.serves(victim)
            labels = {"service": "notes", "node": victim}
            until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 1, f"{victim} is up")
            gone = await http.post(
                f"{scene.limpet.url}/mcp", json=hello, headers={"mcp-session-id": ids[victim]}
            )
            assert gone.status_code == 404  # the app's own word: MCP clients then begin a new session
    async with connected(scene.limpet, CLIENTS) as client:
        assert await call(client, "add_note", text="a new session") in {f"1 on node {n}" for n in "abc"}


async def session_ids(scene: Scene, headers: dict[str, str]) -> dict[str, str]:
    """A sealed session id for each node, as a client gets it."""
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    which = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "which_node"}}
    ids: dict[str, str] = {}
    for number in range(60):
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.4.{number + 1}")
        async with httpx.AsyncClient(transport=transport, timeout=20, headers=headers) as http:
            opened = await http.post(f"{scene.limpet.url}/mcp", json=hello)
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            await http.post(f"{scene.limpet.url}/mcp", json=ready, headers=session)
            answer = await http.post(f"{scene.limpet.url}/mcp", json=which, headers=session)
            node = answer.text.split('"result":"')[-1][0]
            ids[node] = session["mcp-session-id"]
        if set(ids) == set("abc"):
            return ids
    raise AssertionError(f"only {sorted(ids)} got sessions")
