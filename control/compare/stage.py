"""The processes of a comparison: three nodes, a store, and Limpet with a service for each strategy."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from control.children import Child, free_port
from control.compare.plan import NODES, Plan
from control.compare.stores import ComparedStore

STORE = "compared"  # its name in the file
ANSWER_SECONDS = 20.0  # on a busy machine; nothing waits for it to pass
PAGE = 1000  # sessions of a node's list at a time


class Metrics:
    """One scrape, of which only what is asked for is read: the parser takes 20 us a line."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0.0 where there are none."""
        lines = [line for line in self._lines if line.startswith((f"{name}{{", f"{name} "))]
        return sum(
            sample.value
            for family in text_string_to_metric_families("\n".join(lines))
            for sample in family.samples
            if labels.items() <= sample.labels.items()
        )


class Stage:
    """Owns the processes; `open()` it, and everything that it started ends with it."""

    def __init__(self, plan: Plan, folder: Path, store: ComparedStore | None) -> None:
        self.secret = secrets.token_hex(32)
        self.store = store
        self._plan = plan
        self._folder = folder
        self._node_key = secrets.token_hex(32)
        self._ports = (free_port(0), free_port(0))
        self._nodes: dict[str, Child] = {}
        self._limpet: Child
        self._http: aiohttp.ClientSession

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Everything serves. Raises NotStarted, StoreError."""
        async with AsyncExitStack() as stack:
            timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
            self._http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
            stack.push_async_callback(self._stop_nodes)
            await asyncio.gather(*map(self.start_node, NODES))
            log = self._folder / "limpet.log"
            self._limpet = await Child.start(log, "limpet", "run", "-c", str(self.write_config()))
            stack.push_async_callback(self._limpet.stop)
            await self._limpet.serving(self.well)
            yield self

    def url(self, strategy: str) -> str:
        """Where the users of a strategy go."""
        return f"http://127.0.0.1:{self._ports[0]}/{strategy}/cart"

    async def start_node(self, name: str) -> None:
        """Returns when it answers. Its memory is empty."""
        sockets = {strategy: str(self._socket(name, strategy)) for strategy in self._plan.strategies}
        plan = self._folder / f"{name}.json"
        plan.write_text(json.dumps({"key": self._node_key, "sockets": sockets}))
        child = await Child.start(self._folder / f"{name}.log", "compare-node", str(plan))
        self._nodes[name] = child
        await child.serving(lambda: self._answers(name))

    async def kill_node(self, name: str) -> None:
        """SIGKILL, as a crash."""
        await self._nodes[name].kill()

    async def metrics(self) -> Metrics:
        """What Prometheus would see. Raises aiohttp.ClientError."""
        async with self._http.get(f"http://127.0.0.1:{self._ports[1]}/metrics") as answer:
            return Metrics(await answer.text())

    async def node_bytes(self) -> int | None:
        """The memory of all nodes together; None where the system does not tell."""
        sizes = [await self._ask(name, self._plan.strategies[0], "/memory") for name in self._nodes]
        return None if None in sizes else sum(map(int, sizes))

    async def well(self) -> bool:
        """Whether Limpet says that all nodes are up, and the store."""
        try:
            async with self._http.get(f"http://127.0.0.1:{self._ports[1]}/api/nodes") as answer:
                states = [node["state"] for node in (await answer.json())["nodes"]]
            metrics = await self.metrics()
        except (aiohttp.ClientError, TimeoutError):
            return False
        stored = self.store is None or metrics.total("limpet_store_up") > 0
        return stored and set(states) == {"up"}

    async def copied(self, strategy: str) -> bool:
        """Whether every written session has a copy, by what the nodes say themselves."""
        wanted: dict[str, int] = {}
        for held in await self._lists(strategy):
            for session, version in held.items():
                wanted[session] = max(wanted.get(session, 0), version)
        later = await self._lists(strategy)  # requests go on: what was there before has its copy by now
        return all(
            sum(held.get(session, 0) >= version for held in later) > 1 for session, version in wanted.items()
        )

    # Private

    async def _lists(self, strategy: str) -> list[dict[str, int]]:
        """Of each node that runs: the versions of the written sessions that it has."""
        running = [name for name, child in self._nodes.items() if child.pid is not None]
        return list(await asyncio.gather(*(self._listed(name, strategy) for name in running)))

    async def _listed(self, name: str, strategy: str) -> dict[str, int]:
        found: dict[str, int] = {}
        after = ""
        while True:
            text = await self._text(name, strategy, f"/.limpet/sessions/?after={after}&limit={PAGE}")
            page = [json.loads(line) for line in text.splitlines()]
            found |= {each["id"]: each["version"] for each in page if each["version"] > 1}
            if len(page) < PAGE:
                return found
            after = page[-1]["id"]

    def _socket(self, name: str, strategy: str) -> Path:
        return self._folder / f"{name}-{strategy}"

    async def _answers(self, name: str) -> bool:
        try:
            return all([await self._ask(name, each, "/healthz") for each in self._plan.strategies])
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _ask(self, name: str, strategy: str, path: str) -> Any:
        return json.loads(await self._text(name, strategy, path))

    async def _text(self, name: str, strategy: str, path: str) -> str:
        connector = aiohttp.UnixConnector(str(self._socket(name, strategy)), force_close=True)
        headers = {"Limpet-Key": self._node_key}
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)
            ) as http,
            http.get(f"http://node{path}", headers=headers) as answer,
        ):
            answer.raise_for_status()
            return await answer.text()

    async def _stop_nodes(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._nodes.values()))

    def write_config(self) -> Path:
        file = self._folder / "proxy.yaml"
        file.write_text(yaml.safe_dump(self.settings(), sort_keys=False))
        return file

    def settings(self) -> dict[str, object]:
        """The configuration that Limpet is run with: what is not named here is as it is by default."""
        port, admin_port = self._ports
        strategies = self._plan.strategies
        settings: dict[str, object] = {
            "listen": f"127.0.0.1:{port}",
            "admin": {"listen": f"127.0.0.1:{admin_port}"},
            "secrets": [self.secret],
            "services": {strategy: self._service(strategy) for strategy in strategies},
            "routes": [{"path": f"/{strategy}", "service": strategy} for strategy in strategies],
            "forwarded": {"trusted_proxies": ["127.0.0.1/32"]},  # each user has an address of their own
            "access_log": {"format": "off"},
            "timeouts": {"grace": "1s"},
        }
        if set(strategies) != {"affinity"}:
            settings["node_keys"] = [self._node_key]
        if self.store is not None:
            settings["stores"] = {STORE: self.store.settings}
        return settings

    def _service(self, strategy: str) -> dict[str, object]:
        sessions = {"strategy": strategy} | ({"store": STORE} if strategy == "store" else {})
        nodes = [{"name": name, "url": f"unix:{self._socket(name, strategy)}"} for name in NODES]
        return {"nodes": nodes, "sessions": sessions, "health": {"path": "/healthz"}}
