"""The demo's stage: three nodes, Limpet before them, and what can be seen of both."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from control.children import Child

COLOURS = {"a": "#e4572e", "b": "#2e86ab", "c": "#5fad56"}
CONFIG = """\
# Written by `limpet demo`: three nodes that keep sessions, and the buttons of its page.
listen: 127.0.0.1:{port}
admin: {{listen: 127.0.0.1:{admin_port}}}
node_keys: ["{key}"]
services:
  shop:
    nodes:
{nodes}
    sessions: {{strategy: replication}}
    health: {{path: /healthz, interval: 300ms, timeout: 300ms, fall: 2, rise: 1}}
  buttons:
    nodes:
      - {{name: demo, url: "unix:{controls}"}}
    affinity: {{mode: none}}
routes:
  - {{path: /, service: shop}}
  - {{path: /demo, service: buttons}}
access_log: {{format: "off"}}
timeouts: {{grace: 1s}}
"""


@dataclass(frozen=True, slots=True)
class NodeNow:
    """What is known of a node: its process, and Limpet's opinion of it."""

    name: str
    pid: int | None
    state: str = "?"
    sessions: int = 0
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Now:
    """`moved`: sessions that came along to another node; `lost`: those that did not."""

    nodes: tuple[NodeNow, ...] = ()
    moved: int = 0
    lost: int = 0


class Stage:
    """Owns the processes; `open()` it, and everything it started ends with it."""

    def __init__(self, directory: Path, port: int, admin_port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        self.controls = directory / "demo.sock"
        self.now = Now()
        self.events: deque[str] = deque(maxlen=8)
        self._directory = directory
        self._key = secrets.token_hex(32)
        self._ports = (port, admin_port)
        self._nodes: dict[str, Child] = {}
        self._admin: aiohttp.ClientSession
        self._sockets: dict[str, aiohttp.ClientSession] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Three nodes and Limpet, serving; NotStarted if one of them does not start."""
        timeout = aiohttp.ClientTimeout(total=2)
        async with AsyncExitStack() as stack:
            self._admin = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            for name in COLOURS:
                connector = aiohttp.UnixConnector(str(self._socket(name)), force_close=True)
                session = aiohttp.ClientSession(connector=connector, timeout=timeout)
                self._sockets[name] = await stack.enter_async_context(session)
            stack.push_async_callback(self._stop_nodes)
            self._key_file.write_text(self._key)
            await asyncio.gather(*map(self.start, COLOURS))
            limpet = await Child.start(
                self._directory / "limpet.log", "limpet", "run", "-c", str(self.write_config())
            )
            stack.push_async_callback(limpet.stop)
            await limpet.serving(self._limpet_is_ready)
            watching = asyncio.create_task(self._watch())
            stack.callback(watching.cancel)
            self.events.clear()
            yield self

    async def start(self, name: str) -> None:
        """Starts a node that does not run; returns when it serves. Its memory is empty."""
        if self.runs(name):
            return
        child = await Child.start(
            self._directory / f"{name}.log", "demo-node", name, str(self._socket(name)), str(self._key_file)
        )
        self._nodes[name] = child
        await child.serving(lambda: self._node_answers(name))
        self._tell(f"{name} is back, with nothing in its memory")

    async def kill(self, name: str) -> None:
        """Ends a node with SIGKILL, as a crash would."""
        if not self.runs(name):
            return
        sessions = (await self._stats(name)).get("sessions", 0)
        await self._nodes[name].kill()
        self._tell(f"{name} killed; sessions in its memory: {sessions}")

    def runs(self, name: str) -> bool:
        return name in self._nodes and self._nodes[name].pid is not None

    async def look(self) -> Now:
        """Asks the nodes and Limpet how things are."""
        states, moved, lost = await self._metrics()
        nodes = []
        for name, child in self._nodes.items():
            stats = await self._stats(name) if child.pid is not None else {}
            nodes.append(NodeNow(name, child.pid, states.get(name, "?"), **stats))
        return Now(tuple(sorted(nodes, key=lambda node: node.name)), moved, lost)

    def write_config(self) -> Path:
        """Writes the configuration that Limpet is run with."""
        nodes = "\n".join(f'      - {{name: {name}, url: "unix:{self._socket(name)}"}}' for name in COLOURS)
        port, admin_port = self._ports
        file = self._directory / "proxy.yaml"
        file.write_text(
            CONFIG.format(
                port=port, admin_port=admin_port, key=self._key, nodes=nodes, controls=self.controls
            )
        )
        return file

    @property
    def _key_file(self) -> Path:
        return self._directory / "node.key"

    def _socket(self, name: str) -> Path:
        return self._directory / f"{name}.sock"

    async def _watch(self) -> None:
        while True:
            before, self.now = self.now, await self.look()
            for old, new in zip(before.nodes, self.now.nodes, strict=False):
                if old.state != new.state:
                    self._tell(f"Limpet says: {new.name} is {new.state}")
            await asyncio.sleep(0.25)

    async def _metrics(self) -> tuple[dict[str, str], int, int]:
        """Each node's state, and how many sessions were counted as moved and as lost."""
        states: dict[str, str] = {}
        moved = lost = 0
        try:
            async with self._admin.get(self.admin_url + "/metrics") as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return {}, self.now.moved, self.now.lost
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.labels.get("service") != "shop":
                    continue
                if sample.name == "limpet_node_state" and sample.value:
                    states[sample.labels["node"]] = sample.labels["state"]
                elif sample.name == "limpet_session_moves_total" and sample.labels["source"] != "nobody":
                    moved += int(sample.value)
                elif sample.name == "limpet_sessions_lost_total":
                    lost = int(sample.value)
        return states, moved, lost

    async def _stats(self, name: str) -> dict[str, Any]:
        try:
            async with self._sockets[name].get("http://node/stats") as answer:
                stats: dict[str, Any] = await answer.json()
                return stats
        except (aiohttp.ClientError, TimeoutError):
            return {}

    async def _node_answers(self, name: str) -> bool:
        return bool(await self._stats(name))

    async def _limpet_is_ready(self) -> bool:
        try:
            async with self._admin.get(self.admin_url + "/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _stop_nodes(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._nodes.values()))

    def _tell(self, event: str) -> None:
        self.events.append(f"{datetime.now():%H:%M:%S}  {event}")
