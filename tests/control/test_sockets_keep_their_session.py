"""A WebSocket's handshake writes its session as any request does, and the next one finds it elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.control.shop import Shop, shop


class Talker:
    """A client with a cookie, as a browser has it: the handshake's answer may replace it."""

    def __init__(self, cluster: Shop) -> None:
        self._url = cluster.url.replace("http", "ws")
        self._cookie = ""

    async def opened(self) -> tuple[websockets.ClientConnection, dict[str, Any]]:
        """A socket, and what it was told first."""
        told = {"Cookie": self._cookie} if self._cookie else None
        socket = await websockets.connect(self._url, additional_headers=told, proxy=None)
        assert socket.response is not None
        self._cookie = socket.response.headers.get("Set-Cookie", self._cookie).partition(";")[0]
        assert not [name for name in socket.response.headers if name.lower().startswith("limpet-")]
        return socket, json.loads(await socket.recv())

    async def opened_again(self) -> tuple[websockets.ClientConnection, dict[str, Any]]:
        """As a client does that keeps trying."""
        while True:
            try:
                return await self.opened()
            except InvalidStatus as refused:
                assert refused.response.status_code in (502, 503, 504)


async def test_the_next_socket_finds_the_session_of_a_node_that_died(tmp_path: Path) -> None:
    async with shop(tmp_path, {"strategy": "replication"}, count=2) as cluster:
        talker = Talker(cluster)
        socket, told = await talker.opened()
        assert told["count"] == 1
        next(node for node in cluster.nodes if node.port == told["port"]).kill()
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
        other, after = await talker.opened_again()
        assert after["count"] == 2 and after["port"] != told["port"]
        await other.send("write something")  # too late: it raises in the node, and changes nothing
        with pytest.raises(ConnectionClosedError):
            await other.recv()
        last, at_last = await talker.opened()
        assert at_last == {**after, "count": 3}
        await last.close()
        assert await cluster.sum("limpet_sessions_lost_total") == 0
