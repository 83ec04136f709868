"""The byte path as a site of the aiohttp runner that owns the process's life."""

import asyncio

from aiohttp.web_runner import BaseRunner, BaseSite

from proxy.client import Client
from proxy.engine import Engine


class ProxySite(BaseSite):
    """Listens on one TCP address and serves it with our protocol."""

    __slots__ = ("_engine", "_host", "_port", "clients")

    def __init__(self, runner: BaseRunner, engine: Engine, host: str, port: int) -> None:
        super().__init__(runner)
        self._engine = engine
        self._host = host
        self._port = port

    @property
    def name(self) -> str:
        """The URL, for the log."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for."""
        sockets = self._server.sockets if self._server is not None else ()  # type: ignore[attr-defined]
        return int(sockets[0].getsockname()[1]) if sockets else self._port

    async def start(self) -> None:
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self._host, self._port, backlog=1024)

    def _protocol(self) -> Client:
        return Client(self._engine)
