"""A Limpet with two workers before two nodes, and clients that keep their connection."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.control.process import PATIENCE, Limpet, configuration, eventually, running
from tests.control.shop import summed

INTERVAL = 0.2
SERVES = re.compile(r"worker (\d) \(process (\d+)\) serves")


class Node:
    """An app that says its name; `/hold` takes until `free`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.healthy = self.working = 200
        self.probes: list[float] = []
        self.held = 0
        self._go = asyncio.Event()

    def free(self) -> None:
        self._go.set()
        self._go = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/healthz":
            self.probes.append(time.monotonic())
            return web.Response(status=self.healthy)
        if request.path == "/hold":
            self.held += 1
            await self._go.wait()
            self.held -= 1
        return web.Response(text=self.name, status=self.working)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield site.port
        finally:
            self.free()
            await runner.cleanup()


class Client:
    """A connection, from an address of its own."""

    _numbers = iter(range(10**9))

    def __init__(self, cookie: str = "") -> None:
        self.address = f"127.0.2.{next(self._numbers) % 250 + 1}"
        self.cookie = cookie

    async def connect(self, port: int) -> None:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(self.address, 0)
        )

    async def ask(self, path: str = "/") -> tuple[int, str]:
        """Status and body. Raises ConnectionError where the connection ends instead."""
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: shop\r\n{cookie}\r\n".encode())
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError as error:
            raise ConnectionError from error
        length = re.search(r"(?i)content-length: (\d+)", head)
        if told := re.search(r"(?i)set-cookie: ([^;\r]+)", head):
            self.cookie = told[1]
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        return int(head.split()[1]), body.decode()

    def close(self) -> None:
        self._writer.close()


class Crew:
    """What tests look at."""

    def __init__(self, limpet: Limpet, nodes: list[Node], folder: Path, port: int, admin: int) -> None:
        self.limpet = limpet
        self.nodes = nodes
        self.folder = folder
        self.port = port
        self.admin = f"http://127.0.0.1:{admin}"

    def workers(self) -> dict[int, int]:
        """The process ids of those that were the last to begin."""
        return {int(number): int(pid) for number, pid in SERVES.findall(self.limpet.err)}

    @asynccontextmanager
    async def clients(self, count: int) -> AsyncIterator[list[Client]]:
        """Connected, each with an address of its own."""
        async with AsyncExitStack() as opened:
            yield [await opened.enter_async_context(self.client()) for _ in range(count)]

    @asynccontextmanager
    async def client(self, cookie: str = "") -> AsyncIterator[Client]:
        client = Client(cookie)
        await client.connect(self.port)
        try:
            yield client
        finally:
            client.close()

    async def once(self, path: str = "/") -> tuple[int, str]:
        """A new client, for one request."""
        async with self.client() as client:
            return await client.ask(path)

    async def api(self, path: str, method: str = "GET") -> Any:
        async with aiohttp.ClientSession() as client, client.request(method, self.admin + path) as answer:
            return await answer.json()

    async def worker(self, number: int) -> dict[str, Any]:
        facts: list[dict[str, Any]] = (await self.api("/api/workers"))["workers"]
        return facts[number - 1]

    async def clients_of(self, number: int, count: int, opened: AsyncExitStack, cookie: str) -> list[Client]:
        """Connections that this worker has accepted: the kernel deals them out, so one after the other."""
        found: list[Client] = []
        while len(found) < count:
            before = (await self.worker(number))["connections"]
            client = await opened.enter_async_context(self.client(cookie))
            await client.ask()
            if (await self.worker(number))["connections"] > before:
                found.append(client)
        return found

    async def fact(self, node: str) -> dict[str, Any]:
        facts: list[dict[str, Any]] = (await self.api("/api/nodes"))["nodes"]
        return next(fact for fact in facts if fact["node"] == node)

    async def sum(self, name: str, **labels: str) -> float:
        return await summed(self.admin, name, labels)

    async def until(self, node: str, **wanted: Any) -> None:
        """Wait until the API says so of a node."""
        async with asyncio.timeout(PATIENCE):
            while not wanted.items() <= (await self.fact(node)).items():  # noqa: ASYNC110 - nothing says when
                await asyncio.sleep(0.01)

    async def replaced(self, worker: int, pid: int) -> None:
        """Wait until another serves as this worker."""
        await eventually(lambda: self.workers()[worker] != pid)


@asynccontextmanager
async def crew(folder: Path, probed: bool = True, **options: Any) -> AsyncIterator[Crew]:
    nodes = [Node(name) for name in "ab"]
    async with nodes[0].serving() as a, nodes[1].serving() as b:
        # However long a command takes beside them, clients are not sent away.
        options = {"timeouts": {"head": "10m", "keep_alive": "10m"}, **options}
        file = json.loads(configuration([a, b], workers=2, **options))
        every = f"{INTERVAL:g}s"
        if probed:
            file["services"]["shop"]["health"] = {
                "path": "/healthz",
                "interval": every,
                "timeout": every,
                "fall": 8,  # the nodes are in this process, which may have to wait for its turn
            }
        async with running(folder, json.dumps(file)) as limpet:
            yield Crew(limpet, nodes, folder, await limpet.port(), await limpet.admin_port())
