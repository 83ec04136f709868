"""The real MCP client through Limpet: sessions in several processes, told apart by `Mcp-Session-Id`."""

import asyncio
import json
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
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
WHICH_NODE = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "which_node"}}
PING = {"jsonrpc": "2.0", "id": 3, "method": "ping"}


class Scene(NamedTuple):
    app: Example
    limpet: Limpet


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory: Path = tmp_path_factory.mktemp("mcp")
    with example("mcp", directory) as app, limpet(app.config, directory) as proxy:
        yield Scene(app, proxy)


@asynccontextmanager
async def connected(proxy: Limpet, number: int, mode: str = "legacy") -> AsyncIterator[Client]:
    """An MCP client with an address of its own; `legacy` is the protocol that has sessions."""
    transport = httpx2.AsyncHTTPTransport(local_address=f"127.0.3.{number + 1}")
    async with (
        httpx2.AsyncClient(transport=transport, timeout=60) as http,
        Client(streamable_http_client(f"{proxy.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """A tool's result; fails on an error."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    return answer.structured_content["result"]


async def post(base: str, message: dict[str, Any], session: str = "", address: str = "") -> httpx.Response:
    """One message as it is on the wire, for what the client's own interface does not show."""
    headers = {"Accept": "application/json, text/event-stream"}
    if session:
        headers["Mcp-Session-Id"] = session
    transport = httpx.AsyncHTTPTransport(local_address=address or None)
    async with httpx.AsyncClient(transport=transport, timeout=60, headers=headers) as http:
        return await http.post(f"{base}/mcp", json=message)


async def a_session(proxy: Limpet, number: int) -> tuple[str, str]:
    """The id of a new session, as a client gets it, and the node that it lives on."""
    opened = await post(proxy.url, HELLO, address=f"127.0.4.{number + 1}")
    session: str = opened.headers["mcp-session-id"]
    await post(proxy.url, READY, session)
    answer = await post(proxy.url, WHICH_NODE, session)
    [data] = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return session, json.loads(data.removeprefix("data: "))["result"]["structuredContent"]["result"]


async def a_session_on(node: str, proxy: Limpet) -> str:
    """The id, as a client gets it, of a session that lives on this node."""
    for number in range(60):
        session, found = await a_session(proxy, number)
        if found == node:
            return session
    raise AssertionError(f"no new session in sixty was given to {node}")


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


async def test_the_protocol_without_sessions_is_served_by_any_node(scene: Scene) -> None:
    async with connected(scene.limpet, 0, mode="auto") as client:
        assert client.protocol_version == "2026-07-28"
        assert await call(client, "which_node") in "abc"


async def test_a_client_sees_a_sealed_id_and_its_node_the_apps_own(scene: Scene) -> None:
    direct = await post(f"http://127.0.0.1:{scene.app.ports['a']}", HELLO)
    sealed = await a_session_on("a", scene.limpet)
    assert len(sealed) > len(direct.headers["mcp-session-id"]) == 32
    assert (await post(scene.limpet.url, PING, sealed)).status_code == 200
    middle = len(sealed) // 2
    forged = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    assert (await post(scene.limpet.url, PING, forged)).status_code in (400, 404)


async def test_a_strict_service_keeps_a_session_for_its_own_node(scene: Scene) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(scene.limpet, n)) for n in range(CLIENTS)]
        nodes = [await call(client, "which_node") for client in clients]
        for client in clients:
            await call(client, "add_note", text="before")
        # Not one on a node that is chosen: whoever has the most streams open is given no new ones.
        session, victim = await a_session(scene.limpet, 0)

        scene.app.nodes[victim].kill()
        others = [(client, node) for client, node in zip(clients, nodes, strict=True) if node != victim]
        assert others
        for client, node in others:
            assert await call(client, "add_note", text="after") == f"2 on node {node}"
        labels = {"service": "notes", "node": victim}
        until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 0, f"{victim} is down")
        refused = await post(scene.limpet.url, PING, session)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0

        scene.app.start(victim)
        scene.app.serves(victim)
        until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 1, f"{victim} is up")
        gone = await post(scene.limpet.url, PING, session)
        assert gone.status_code == 404  # the app's own word: a client then begins a new session
    async with connected(scene.limpet, CLIENTS) as client:
        assert await call(client, "add_note", text="a new session") in {f"1 on node {n}" for n in "abc"}
