"""Opens connections to a node."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, cast

from proxy.fields import FieldKinds
from proxy.options import Limits, ServiceOptions
from proxy.pool import Pool
from proxy.tls_faults import connect_fault
from proxy.upstream import Upstream
from proxy.wheel import Wheel


@dataclass(frozen=True)
class NodeAddress:
    """Where a node listens: a host and port, or the path of a unix socket.

    `tls`: how it is known to be the node, where it speaks TLS; `server_name`: as whom, if not as its host.
    """

    name: str
    host: str = ""
    port: int = 0
    path: str = ""
    max_connections: int | None = None
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    send_proxy: bool = False

    @property
    def place(self) -> tuple[object, ...]:
        """Where and how connections to it are made: while this stays, so do they."""
        return self.host, self.port, self.path, self.tls, self.server_name, self.send_proxy

    @property
    def authority(self) -> bytes:
        """What is put into Host where the client sent none."""
        if self.path:
            return b"localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}".encode()


class Dialer:
    """Opens connections to one node for its pool."""

    __slots__ = ("_address", "_kinds", "_limits", "_options", "_tasks", "_wheel", "pool")

    def __init__(
        self, address: NodeAddress, options: ServiceOptions, wheel: Wheel, kinds: FieldKinds, limits: Limits
    ) -> None:
        self._address = address
        self._options = options
        self._wheel = wheel
        self._kinds = kinds
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self.pool: Pool[Upstream]

    def change(self, kinds: FieldKinds, limits: Limits, options: ServiceOptions) -> None:
        """Other settings for new connections, and for those that there are."""
        self._kinds, self._limits, self._options = kinds, limits, options
        for upstream in (*self.pool.idle, *self.pool.busy):
            upstream.change(kinds, limits, options)

    def dial(self) -> None:
        """Begin to connect; the pool hears of the outcome."""
        task = asyncio.get_running_loop().create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                upstream = await self._open()
        except OSError as error:  # TimeoutError and ssl.SSLError are some
            self.pool.failed(connect_fault(error))
        else:
            self.pool.opened(upstream)

    async def _open(self) -> Upstream:
        loop, address = asyncio.get_running_loop(), self._address
        if address.path:
            _, upstream = await loop.create_unix_connection(self._protocol, address.path)
        elif address.tls is None:
            _, upstream = await loop.create_connection(self._protocol, address.host, address.port)
        else:
            _, upstream = await loop.create_connection(
                self._protocol,
                address.host,
                address.port,
                ssl=address.tls,
                server_hostname=address.server_name or address.host,
                ssl_shutdown_timeout=self._options.response_timeout,
            )
        return cast(Upstream, upstream)

    def _protocol(self) -> Any:  # by its methods: a class that is compiled has no base that is not
        return Upstream(self.pool, self._wheel, self._kinds, self._limits, self._options)
