"""Nodes and a proxy as real processes, and clients that count: an answer must follow from the last one."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.control import session_node as node
from tests.control.process import PATIENCE, Limpet, configuration, running
from tests.examples.running import free_port

HEALTH = {"path": "/healthz", "interval": "1s", "timeout": "1s"}


class NodeProcess:
    """One node. It restarts on the same port, and has forgotten everything then."""

    def __init__(self, plain: bool = False, host: str = "127.0.0.1", port: int = 0) -> None:
        self._plain = ["plain"] if plain else []
        self.host, self.port = host, port or free_port()  # no other has it while it is down
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", node.__name__, self.host, str(self.port), *self._plain],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Shop:
    """A proxy before its nodes."""

    def __init__(self, limpet: Limpet, nodes: list[NodeProcess], port: int, admin_port: int) -> None:
        self.limpet = limpet
        self.nodes = nodes
        self.url = f"http://127.0.0.1:{port}"
        self.admin = f"http://127.0.0.1:{admin_port}"

    async def api(self, path: str, method: str = "GET", body: object = None) -> Any:
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, self.admin + path, json=body) as answer,
        ):
            return await answer.json()

    async def fact(self, node: str) -> dict[str, Any]:
        """What the API says of a node."""
        facts: list[dict[str, Any]] = (await self.api("/api/nodes"))["nodes"]
        return next(fact for fact in facts if fact["node"] == node)

    async def states(self) -> dict[str, str]:
        return {fact["node"]: fact["state"] for fact in (await self.api("/api/nodes"))["nodes"]}

    async def sum(self, name: str, **labels: str) -> float:
        """All samples of a metric that have these labels."""
        return await summed(self.admin, name, labels)

    async def until_states(self, **wanted: str) -> None:
        """Wait until the nodes are in these states."""
        async with asyncio.timeout(PATIENCE):
            while wanted.items() - (await self.states()).items():  # noqa: ASYNC110 - nothing says when
                await asyncio.sleep(0.02)


async def summed(admin: str, name: str, labels: Mapping[str, str]) -> float:
    """All samples of a metric that have these labels. `admin`: where the admin port is, a URL."""
    async with aiohttp.ClientSession() as client, client.get(admin + "/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def patient(sessions: dict[str, Any]) -> dict[str, Any]:
    """These settings, where a copy is no more than late on a busy machine: nobody passes its holder over."""
    return {"ack_timeout": "30s", **sessions} if sessions["strategy"] == "replication" else sessions


@asynccontextmanager
async def shop(
    folder: Path,
    sessions: dict[str, Any],
    count: int = 3,
    plain: str = "",
    others: Mapping[str, Any] = MappingProxyType({}),
    **options: Any,
) -> AsyncIterator[Shop]:
    """A service `shop` of `count` nodes a, b, ... whose sessions are kept like this.

    `plain`: the names of nodes that know nothing of the contract; `others`: services beside it.
    """
    nodes = [NodeProcess(chr(97 + i) in plain) for i in range(count)]
    try:
        file = json.loads(configuration([each.port for each in nodes], node_keys=[node.KEY], **options))
        file["services"]["shop"] |= {"sessions": patient(sessions), "health": HEALTH}
        file["services"] |= others
        async with running(folder, json.dumps(file)) as limpet:
            yield Shop(limpet, nodes, await limpet.port(), await limpet.admin_port())
    finally:
        for each in nodes:
            each.kill()


class Counter:
    """A client with a session of its own, which adds one to its counter again and again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._jar = aiohttp.CookieJar(unsafe=True)
        self.acknowledged = 0
        self.unknown = 0  # requests that failed since: they may have counted, or not
        self.failed: list[object] = []
        self.wrong: list[str] = []
        self.client = aiohttp.ClientSession(cookie_jar=self._jar)
        self.client._retry_connection = False  # it would send again by itself what has counted

    async def add(self) -> None:
        """One more."""
        try:
            timeout = aiohttp.ClientTimeout(total=PATIENCE)
            async with self.client.get(self._url + "/add", timeout=timeout) as answer:
                body = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            self.unknown += 1
            self.failed.append(error)
            return
        if status != 200:
            self.unknown += 1
            self.failed.append((status, body[:100]))
            return
        seen = json.loads(body)["count"]
        if not self.acknowledged + 1 <= seen <= self.acknowledged + 1 + self.unknown:
            self.wrong.append(f"{seen} after {self.acknowledged} and {self.unknown} unknown")
        self.acknowledged, self.unknown = seen, 0

    async def close(self) -> None:
        await self.client.close()


@asynccontextmanager
async def counting(shop: Shop, count: int) -> AsyncIterator[list[Counter]]:
    """So many clients."""
    clients = [Counter(shop.url) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            await client.close()
