"""Real sockets for the scenarios: a proxy in this process, nodes that do what they are told, a raw client."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from aiohttp import web

from config.settings import Settings
from control.listening import Place, make_place
from control.runtime import Runtime, build
from proxy.engine import Engine
from proxy.record import Record
from proxy.site import ProxySite
from routing.states import NodeState

SECRET = b"a secret for the tests, long enough"
PATIENCE = 60.0  # seconds that anything may take before a test fails; nothing waits for it to pass


class RunningProxy:
    """A proxy with its parts at hand. `records` is what the access log was told."""

    def __init__(self, runtime: Runtime, site: ProxySite, records: list[Record], place: Place) -> None:
        self.runtime = runtime
        self.place = place
        self.engine: Engine = runtime.engine
        self.port = site.port
        self.records = records
        self.wires: list[Wire] = []

    async def connect(self, **options: Any) -> "Wire":
        """A client; it closes at the end of the test at the latest. `options`: of `open_connection`."""
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port, **options))
        self.wires.append(wire)
        return wire

    def at_rest(self) -> bool:
        """Nothing is under way, and nothing of what was has been left behind."""
        engine = self.engine
        pools = [node.pool for running in engine.services.values() for node in running.nodes]
        return not (
            engine.clients
            or engine.counters.connections
            or engine.addresses
            or any(sum(running.inflight) for running in engine.services.values())
            or any(pool.busy or pool.waiting or pool.opening for pool in pools)
        )

    def state_of(self, node: str, service: str = "") -> NodeState:
        """What the byte path goes by."""
        name = service or next(iter(self.engine.services))
        view = self.engine.services[name].router.view
        return next(known.state for known in view.nodes if known.name == node)

    async def settle(self) -> None:
        """Close the clients; everything must come to its end by itself."""
        for wire in self.wires:
            await wire.close()
        await eventually(self.at_rest)

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

    async def send(self, data: bytes) -> None:
        """Write, and wait until the other side has taken most of it."""
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE)

    async def exchange(self, data: bytes) -> tuple[bytes, bytes]:
        """Send a request; its answer's head and body."""
        self.writer.write(data)
        return await self.read_response(head_only=data.startswith(b"HEAD "))

    def reset(self) -> None:
        """Be gone at once, with a reset; `close` is gone with a FIN."""
        if not self.writer.is_closing():
            socket_of(self.writer).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

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


def socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    found: socket.socket = writer.get_extra_info("socket")
    return found


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawNode:
    """A node that handles each connection as the test says, in raw bytes.

    `connections`: how many there were; `open`: how many the handler still works on.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.open = 0
        self.port = 0

    async def start(self, port: int = 0, path: str = "") -> None:
        """Listen on a port of 127.0.0.1 or, with `path`, on a unix socket."""
        if path:
            self._server = await asyncio.start_unix_server(self._serve, path)
            return
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
        self.open += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()


class Startable(Protocol):
    """Any node."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@contextlib.asynccontextmanager
async def started(*nodes: Startable) -> AsyncIterator[None]:
    """The nodes, up for as long as the block lasts."""
    async with contextlib.AsyncExitStack() as stack:
        for node in nodes:
            await node.start()
            stack.push_async_callback(node.stop)
        yield


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next request on a node's connection: its head, and its body as it is on the wire."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if b"\r\ncontent-length: " in lower:
        return head, await reader.readexactly(
            int(lower.partition(b"\r\ncontent-length: ")[2].split(b"\r", 1)[0])
        )
    body = b""
    if b"\r\ntransfer-encoding: chunked" in lower:
        while size := int((line := await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            body += line + await reader.readexactly(size + 2)
        body += line
        while line != b"\r\n":
            line = await reader.readuntil(b"\r\n")
            body += line
    return head, body


def ok(body: bytes = b"ok", *fields: bytes) -> bytes:
    """A whole answer, with these header lines."""
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


class Recorder(RawNode):
    """A node that answers every request alike and keeps them all, as (head, body)."""

    def __init__(self, answer: bytes = ok()) -> None:
        super().__init__(self._record)
        self.answer = answer
        self.requests: list[tuple[bytes, bytes]] = []

    async def _record(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.requests.append(await read_request(reader))
            writer.write(self.answer)

    @property
    def heads(self) -> list[bytes]:
        return [head for head, _ in self.requests]


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


def service(ports: Sequence[int], **options: Any) -> dict[str, Any]:
    """A service's settings with nodes `a`, `b`, `c`... on these ports, which are not waited for."""
    nodes = [node_settings(chr(97 + i), port) for i, port in enumerate(ports)]
    return {"nodes": nodes, "retries": {"wait": "0s"}, **options}


def node_settings(name: str, port: int, **options: Any) -> dict[str, Any]:
    """One node's settings."""
    return {"name": name, "url": f"http://127.0.0.1:{port}", **options}


@contextlib.asynccontextmanager
async def proxied(
    node: "RawNode | AppNode", settings: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[RunningProxy]:
    """A proxy before one node; `settings` of the file, `options` of its only service."""
    async with (
        started(node),
        running_proxy({"app": service([node.port], **options)}, **settings or {}) as proxy,
    ):
        yield proxy


def header(head: bytes, name: bytes) -> list[bytes]:
    """All values of a header field, in order."""
    fields = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    return [value for known, _, value in fields if known.lower() == name.lower()]


def cookie_of(head: bytes) -> bytes:
    """The first cookie that a response sets, as the client sends it back."""
    return header(head, b"Set-Cookie")[0].partition(b";")[0]


@contextlib.asynccontextmanager
async def running_proxy(services: dict[str, Any], **settings: Any) -> AsyncIterator[RunningProxy]:
    """A proxy on a port of its own, from settings as in the file; afterwards nothing may be left of what was.

    Probes run where a service asks for them.
    """
    first = next(iter(services))
    settings.setdefault("routes", [{"service": first}])
    loaded = Settings.model_validate({"services": services, **settings})
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    runtime = build(loaded, [SECRET], lambda timer, error: failures.append(error))
    records: list[Record] = []
    runtime.engine.log = records.append
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    place = make_place(loaded.listen[0])
    site = ProxySite(runner, runtime.engine, "127.0.0.1", 0, door=place.door)
    await site.start()
    ticking = asyncio.create_task(_tick(runtime.engine))
    runtime.cluster.start()
    proxy = RunningProxy(runtime, site, records, place)
    try:
        yield proxy
        await proxy.settle()
    finally:
        for wire in proxy.wires:
            wire.reset()
        await runtime.cluster.stop()
        ticking.cancel()
        runtime.engine.stop()
        runtime.engine.cut()
        await eventually(lambda: not runtime.engine.clients)
        for running in runtime.engine.services.values():
            for node in running.nodes:
                node.pool.close_idle()
        await eventually(lambda: not armed(runtime.engine))
        await runner.cleanup()
        asyncio.get_running_loop().set_exception_handler(None)
        assert not failures, failures


def armed(engine: Engine) -> int:
    """How many timers the wheel holds."""
    return sum(map(len, engine.wheel._buckets))


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
