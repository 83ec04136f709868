"""Everything that runs: nodes, proxies, what is between them, a Redis; and whether all of it is well."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.examples.running import free_port
from tests.sessions.stores.processes import RedisProcess
from tests.survival.app import NODE_KEY
from tests.survival.processes import PATIENCE, Limpet, Node
from tests.survival.redis_servers import Redis, Watched
from tests.survival.relay import Relay
from tests.survival.setups import NODES, SERVICE, Setup, settings

_TIMEOUT = aiohttp.ClientTimeout(5)
_COMMAND_TIMEOUT = aiohttp.ClientTimeout(PATIENCE)  # nobody asks again, and a busy machine may take long
_PAGE = 1000


class Entry(NamedTuple):
    """What a node says of a session."""

    version: int
    serving: bool


class Stage:
    """Use `on_stage`."""

    def __init__(self, setup: Setup, folder: Path, acknowledged: Mapping[str, int]) -> None:
        """`acknowledged`: by session the version that a client was told of."""
        self.setup = setup
        self._acknowledged = acknowledged
        *self.nodes, self.spare = [Node(name, folder, setup.command) for name in NODES[: setup.nodes + 1]]
        self.redis: Redis | None = None
        if setup.store == "redis":
            kept = "no" if setup.forgetful else "yes"
            told = ("--save", "", "--appendonly", kept)
            made = Watched if setup.sentinel else RedisProcess
            self.redis = made(folder / "redis", *told)
        self._folder = folder
        self.relays = [[Relay(free_port(), n.port) for n in self.nodes] for _ in range(setup.proxies)]
        self.proxies = [Limpet(f"proxy-{index}", folder) for index in range(setup.proxies)]
        for proxy in self.proxies:
            self.configure(proxy)
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT)
        if self.setup.relays:
            await asyncio.gather(*(relay.open() for row in self.relays for relay in row))
        for node in self.nodes:
            node.start()
        # Some listen before they answer, and a proxy takes nodes for up until it has probed them.
        await asyncio.gather(*(self.answering(node) for node in self.nodes))
        for proxy in self.proxies:
            proxy.start()
        await self.all_up()

    async def close(self) -> None:
        for process in (*self.proxies, *self.nodes, self.spare):
            process.kill()
        if self.redis is not None:
            self.redis.stop()
        for row in self.relays:
            for relay in row:
                await relay.close()
        if self._http is not None:
            await self._http.close()

    def configure(self, proxy: Limpet) -> None:
        """Write a proxy's file, for the nodes that there are now."""
        ports = [node.port for node in self.nodes]
        if self.setup.relays:
            ports = [relay.port for relay in self.relays[self.proxies.index(proxy)]]
        nodes = {node.name: (port, node.endpoint) for node, port in zip(self.nodes, ports, strict=True)}
        proxy.configure(settings(self.setup, self._folder, nodes, self.redis.url if self.redis else ""))

    async def slow_copies(self, seconds: float) -> None:
        """Have copies, or the store, take so long from now on: answers are held meanwhile. 0: no longer."""
        if isinstance(self.redis, RedisProcess | Watched) and seconds:
            await asyncio.to_thread(self.redis.ask, "CLIENT", "PAUSE", int(1000 * seconds), "WRITE")
        if self.setup.replicas:
            assert self._http is not None
            for node in self.nodes:
                async with self._http.get(f"http://127.0.0.1:{node.port}/slow?seconds={seconds}"):
                    pass

    # Whether it is well

    async def all_up(self, but: str = "", seconds: float = PATIENCE) -> None:
        """Wait until every node answers, and every proxy says that each, `but` one, and the store is up.

        A proxy may not have noticed yet that one was away which is only just starting again.
        """
        await asyncio.gather(*(self.answering(node) for node in self.nodes))
        end = asyncio.get_running_loop().time() + seconds
        while missing := await self._missing(but):
            assert asyncio.get_running_loop().time() < end, f"not up again in {seconds} s: {missing}"
            await asyncio.sleep(0.1)

    async def all_know(self, node: Node, seconds: float = PATIENCE) -> None:
        """Wait until every proxy has this node, and it is up for all of them."""
        end = asyncio.get_running_loop().time() + seconds
        while not all([await self._knows(proxy, node) for proxy in self.proxies]):
            assert asyncio.get_running_loop().time() < end, f"{node.name} not known in {seconds} s"
            await asyncio.sleep(0.1)
        await self.all_up()

    async def protected(self, seconds: float = PATIENCE) -> None:
        """Wait until every session, as it is now, has its copies, or is in the store.

        What is written meanwhile is no part of that: on a busy machine something always is. But a copy that
        was under way when its node died arrives a moment later, and is all that is left: so twice.
        """
        end = asyncio.get_running_loop().time() + seconds
        for _ in range(2):
            missing = await self._written()
            while missing := await self._unprotected(missing):
                assert asyncio.get_running_loop().time() < end, (
                    f"not protected again in {seconds} s: {sorted(missing)}"
                )
                await asyncio.sleep(0.2)

    async def metric(self, proxy: int, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels, at one proxy."""
        assert self._http is not None
        url = f"http://127.0.0.1:{self.proxies[proxy].admin_port}/metrics"
        async with self._http.get(url) as answer:
            text = await answer.text()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def total(self, name: str, **labels: str) -> float:
        """The same of all proxies."""
        return sum([await self.metric(i, name, **labels) for i in range(len(self.proxies))])

    async def command(self, node: Node, word: str) -> None:
        """`drain`, `ready` or `maint`, said to every proxy."""
        assert self._http is not None
        for proxy in self.proxies:
            url = f"http://127.0.0.1:{proxy.admin_port}/api/services/{SERVICE}/nodes/{node.name}/{word}"
            async with self._http.post(url, timeout=_COMMAND_TIMEOUT) as answer:
                assert answer.status == 200, await answer.text()

    async def drained(self, node: Node, seconds: float = PATIENCE) -> None:
        """Wait until no proxy knows of a session that a draining node still has to give away."""
        end = asyncio.get_running_loop().time() + seconds
        while left := max([await self._left_at(proxy, node) for proxy in self.proxies]):
            assert asyncio.get_running_loop().time() < end, f"{left} sessions left after {seconds} s"
            await asyncio.sleep(0.1)

    async def answering(self, node: Node) -> None:
        """Wait until a node that was started answers."""
        assert self._http is not None
        end = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < end:
            try:
                async with self._http.get(f"http://127.0.0.1:{node.port}/healthz"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        raise AssertionError(f"{node.name} does not answer: {node.log.read_text()}")

    # Private

    async def _written(self) -> dict[str, int]:
        """The version of each session that has been written, by what nodes say themselves."""
        written: dict[str, int] = {}
        if self.setup.plain or not self.setup.sticky:
            return written  # the store has what was acknowledged, and nodes have versions of their own
        for entries in await self._lists():
            for name, entry in entries.items():
                if entry.version > 1:
                    written[name] = max(written.get(name, 0), entry.version)
        if self.setup.store and not self.setup.replicas:
            return {name: self._acknowledged.get(name, 0) for name in written}
        return written

    async def _unprotected(self, wanted: dict[str, int]) -> dict[str, int]:
        """Those of these versions that, or later ones, neither enough nodes hold nor the store."""
        if self.setup.replicas:
            held = await self._lists()
            wanted = {name: version for name, version in wanted.items() if self._short(name, version, held)}
        if self.redis is None:
            return wanted if self.setup.replicas else {}  # an embedded store's file is left to its own tests
        return {name: version for name, version in wanted.items() if not self._stored(name, version)}

    def _short(self, name: str, version: int, held: Sequence[Mapping[str, Entry]]) -> bool:
        """Whether too few nodes hold that. One that nobody holds has ended."""
        holders = [entries[name] for entries in held if name in entries]
        return bool(holders) and sum(entry.version >= version for entry in holders) <= self.setup.replicas

    async def _knows(self, proxy: Limpet, node: Node) -> bool:
        return node.name in [fact["node"] for fact in await self._facts(proxy)]

    async def _left_at(self, proxy: Limpet, node: Node) -> int:
        try:
            facts = await self._facts(proxy)
        except TimeoutError:
            return 1  # a busy machine: to be asked again
        for fact in facts:
            if fact["node"] == node.name:
                left = fact.get("sessions_left")
                return 1 if left is None else int(str(left))
        raise AssertionError(f"{proxy.name} knows no node {node.name}")

    async def _facts(self, proxy: Limpet) -> list[dict[str, object]]:
        assert self._http is not None
        async with self._http.get(f"http://127.0.0.1:{proxy.admin_port}/api/nodes") as answer:
            facts: list[dict[str, object]] = (await answer.json())["nodes"]
            return facts

    async def _missing(self, but: str) -> list[str]:
        missing: list[str] = []
        for proxy in self.proxies:
            assert proxy.alive, f"{proxy.name} ended: {proxy.log.read_text()[-3000:]}"
            try:
                facts = await self._facts(proxy)
                if self.setup.store:
                    index = self.proxies.index(proxy)
                    if not await self.metric(index, "limpet_store_up"):
                        missing.append(f"{proxy.name}: the store")
            except (aiohttp.ClientError, TimeoutError) as error:
                missing.append(f"{proxy.name}: {error!r}")
                continue
            missing += [
                f"{proxy.name}: {f['node']} is {f['state']} ({f['why']})"
                for f in facts
                if f["state"] != "up" and f["node"] != but
            ]
        return missing

    async def _lists(self) -> list[dict[str, Entry]]:
        return list(await asyncio.gather(*(self._list(node) for node in self.nodes if node.alive)))

    async def _list(self, node: Node) -> dict[str, Entry]:
        """What a node holds, ended ones apart; nothing where it does not answer."""
        assert self._http is not None
        held: dict[str, Entry] = {}
        after = ""
        try:
            while True:
                url = f"http://127.0.0.1:{node.port}/.limpet/sessions/?after={after}&limit={_PAGE}"
                async with self._http.get(url, headers={"Limpet-Key": NODE_KEY}) as answer:
                    lines = [json.loads(line) for line in (await answer.text()).splitlines()]
                for line in lines:
                    if not line["ended"]:
                        held[line["id"]] = Entry(line["version"], line["serving"])
                if len(lines) < _PAGE:
                    return held
                after = lines[-1]["id"]
        except (aiohttp.ClientError, TimeoutError):
            return {}

    def _stored(self, name: str, version: int) -> bool:
        assert self.redis is not None
        try:
            fields = self.redis.ask("HMGET", f"limpet:{{{name}}}", "version", "ended")
        except (OSError, AssertionError):
            return False  # it breaks off with whoever asks while it becomes a replica
        if not isinstance(fields, list):
            return False  # it still loads its file
        held, ended = fields
        return bool(ended) or int(held or 0) >= version


@asynccontextmanager
async def on_stage(setup: Setup, folder: Path, acknowledged: Mapping[str, int]) -> AsyncIterator[Stage]:
    """All of it, up; and gone afterwards, whatever happens."""
    stage = Stage(setup, folder, acknowledged)
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()
