"""The byte path as a site of the aiohttp runner that owns the process's life."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp.web_runner import BaseRunner, BaseSite

from proxy.client import Client
from proxy.engine import Engine
from proxy.front import Door, Front

BACKLOG = 1024


class Listening:
    """A TCP address, or the path of a unix socket, at which connections are accepted.

    `sockets`: that listen there already. A name with several addresses has a socket for each.
    """

    def __init__(self, host: str, port: int, path: str, sockets: Sequence[socket.socket] = ()) -> None:
        self._host = host
        self._port = port
        self._path = path
        self._sockets = sockets
        self._servers: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """That is bound, also where 0 was asked for; of a unix socket 0."""
        if self._path or not self._servers:
            return self._port
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def descriptors(self) -> list[int]:
        return [each.fileno() for server in self._servers for each in server.sockets]

    async def start(self, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Raises OSError."""
        loop, kept = asyncio.get_running_loop(), self._servers
        if self._path:
            for each in self._sockets:
                kept.append(await loop.create_unix_server(protocol, sock=each, backlog=BACKLOG))
            if not self._sockets:
                kept.append(await loop.create_unix_server(protocol, self._path, backlog=BACKLOG))
            return
        for each in self._sockets:
            kept.append(await loop.create_server(protocol, sock=each, backlog=BACKLOG))
        if not self._sockets:
            kept.append(await loop.create_server(protocol, self._host, self._port, backlog=BACKLOG))

    def stop(self) -> None:
        """Accept nobody any more."""
        for server in self._servers:
            server.close()


class ProxySite(BaseSite):
    """Listens on one TCP address, or the path of a unix socket, and serves it with our protocol."""

    __slots__ = ("_engine", "_listening", "_place", "door")

    def __init__(
        self,
        runner: BaseRunner,
        engine: Engine,
        host: str,
        port: int,
        path: str = "",
        door: Door = Door(),  # noqa: B008 - it never changes
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        """`sockets`: that listen there already, since another process handed them on."""
        super().__init__(runner)
        self._engine = engine
        self.door = door
        self._place = host, port, path
        self._listening = Listening(host, port, path, sockets)

    @property
    def name(self) -> str:
        """The URL, for the log."""
        scheme = "http" if self.door.tls is None else "https"
        host, port, path = self._place
        if path:
            return f"{scheme}://unix:{path}:"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def url(self) -> str:
        """Where it serves, with the port that was found free where none was asked for."""
        scheme = "http" if self.door.tls is None else "https"
        host, _, path = self._place
        return f"unix:{path}" if path else f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for; of a unix socket 0."""
        return self._listening.port

    @property
    def descriptors(self) -> list[int]:
        """Of the sockets that listen."""
        return self._listening.descriptors

    async def start(self) -> None:
        await super().start()
        await self._listening.start(self._protocol)

    async def stop(self) -> None:
        self._listening.stop()
        await super().stop()

    def _protocol(self) -> Any:  # a client by its methods: what is compiled has no base that is not
        """By the door as it is now: a reload may change that."""
        return Client(self._engine) if self.door.open else Front(self._engine, self.door)
