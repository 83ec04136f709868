"""Real sockets for the scenarios: a proxy in this process, nodes that do what they are told, a raw client."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from config.settings import Settings
from control.wiring import Runtime, build
from proxy.engine import Engine
from proxy.record import Record
from proxy.site import ProxySite

SECRET = b"a secret for the tests, long enough"
PATIENCE = 10.0  # seconds that anything may take before a test fails; nothing waits for it to pass


class RunningProxy:
    """A proxy with its parts at hand. `records` is what the access log was told."""

    def __init__(self, runtime: Runtime, site: ProxySite, records: list[Record]) -> None:
        self.runtime = runtime
        self.engine: Engine = runtime.engine
        self.port = site.port
        self.records = records

    async def connect(self) -> "Wire":
        return Wire(*await asyncio.open_connection("127.0.0.1", self.port))

    async def ask(self, data: bytes) -> bytes:
        """Send bytes on a connection of its own and return all that comes until it is closed."""
        wire = await self.connect()
        try:
            wire.write(data)
            return await wire.read_all()
        finally:
            await wire.close()


class Wire:
    """A client's end of a connection, in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def read_all(self) -> bytes:
        """Everything until the other side closes; a reset ends it too."""
        parts = []
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while data := await asyncio.wait_for(self.reader.read(65536), PATIENCE):
                parts.append(data)
        return b"".join(parts)

    async def read_until(self, separator: bytes) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(separator), PATIENCE)

    async def read_exactly(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), PATIENCE)

    async def read_response(self, head_only: bool = False) -> tuple[bytes, bytes]:
        """The next response's head and its body, by Content-Length or chunks (decoded)."""
        head = await self.read_until(b"\r\n\r\n")
        lower = head.lower()
        if head_only or head[9:10] == b"1" or head[9:12] in (b"204", b"304"):
            return head, b""
        if b"content-length: " in lower:
            size = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head, await self.read_exactly(size)
        if b"transfer-encoding: chunked" not in lower:
            return head, await self.read_all()
        body = b""
        while size := int((await self.read_until(b"\r\n")).partition(b";")[0], 16):
            body += (await self.read_exactly(size + 2))[:-2]
        while await self.read_until(b"\r\n") != b"\r\n":
            pass
        return head, body

    async def closed(self) -> bool:
        """Whether the other side closes, without another byte."""
        try:
            return await asyncio.wait_for(self.reader.read(1), PATIENCE) == b""
        except ConnectionResetError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawNode:
    """A node that handles each connection as the test says, in raw bytes."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._handler(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


class AppNode:
    """A well-behaved node: an aiohttp application on a port of its own."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self.port = 0

    async def start(self, port: int = 0) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()


def app_node(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AppNode:
    """A node that answers every request by this handler."""
    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", "/{path:.*}", handler)
    return AppNode(app)


def named_node(name: str) -> AppNode:
    """A node that answers with its name."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=name)

    return app_node(answer)


def service(ports: list[int], **options: Any) -> dict[str, Any]:
    """A service's settings with nodes `a`, `b`, `c`... on these ports."""
    nodes = [{"name": chr(97 + i), "url": f"http://127.0.0.1:{port}"} for i, port in enumerate(ports)]
    return {"nodes": nodes, **options}


@contextlib.asynccontextmanager
async def running_proxy(services: dict[str, Any], **settings: Any) -> AsyncIterator[RunningProxy]:
    """A proxy on a port of its own, from settings as in the file; probes run where a service asks for them."""
    first = next(iter(services))
    settings.setdefault("routes", [{"service": first}])
    loaded = Settings.model_validate({"services": services, **settings})
    failures: list[Exception] = []
    runtime = build(loaded, [SECRET], lambda timer, error: failures.append(error))
    records: list[Record] = []
    runtime.engine.log = records.append
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    site = ProxySite(runner, runtime.engine, "127.0.0.1", 0)
    await site.start()
    ticking = asyncio.create_task(_tick(runtime.engine))
    runtime.cluster.start()
    try:
        yield RunningProxy(runtime, site, records)
    finally:
        await runtime.cluster.stop()
        ticking.cancel()
        runtime.engine.stop()
        runtime.engine.cut()
        await eventually(lambda: not runtime.engine.clients)
        for running in runtime.engine.services.values():
            for node in running.nodes:
                node.pool.close_idle()
        await runner.cleanup()
        assert failures == []


async def _tick(engine: Engine) -> None:
    while True:
        await asyncio.sleep(engine.TICK)
        engine.tick()


async def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something has become true, looking often; fail when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.005)
