"""The byte path as a site of the aiohttp runner that owns the process's life."""

import asyncio
from typing import Any

from aiohttp.web_runner import BaseRunner, BaseSite

from proxy.client import Client
from proxy.engine import Engine
from proxy.front import Door, Front


class ProxySite(BaseSite):
    """Listens on one TCP address, or the path of a unix socket, and serves it with our protocol."""

    __slots__ = ("_engine", "_host", "_path", "_port", "door")

    def __init__(
        self,
        runner: BaseRunner,
        engine: Engine,
        host: str,
        port: int,
        path: str = "",
        door: Door = Door(),  # noqa: B008 - it never changes
    ) -> None:
        super().__init__(runner)
        self._engine = engine
        self.door = door
        self._host = host
        self._port = port
        self._path = path

    @property
    def name(self) -> str:
        """The URL, for the log."""
        scheme = "http" if self.door.tls is None else "https"
        if self._path:
            return f"{scheme}://unix:{self._path}:"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self._port}"

    @property
    def url(self) -> str:
        """Where it serves, with the port that was found free where none was asked for."""
        scheme = "http" if self.door.tls is None else "https"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"unix:{self._path}" if self._path else f"{scheme}://{host}:{self.port}"

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for; of a unix socket 0."""
        if self._path or self._server is None:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    async def start(self) -> None:
        await super().start()
        loop = asyncio.get_running_loop()
        if self._path:
            self._server = await loop.create_unix_server(self._protocol, self._path, backlog=1024)
        else:
            self._server = await loop.create_server(self._protocol, self._host, self._port, backlog=1024)

    def _protocol(self) -> Any:  # a client by its methods: what is compiled has no base that is not
        """By the door as it is now: a reload may change that."""
        return Client(self._engine) if self.door.open else Front(self._engine, self.door)
