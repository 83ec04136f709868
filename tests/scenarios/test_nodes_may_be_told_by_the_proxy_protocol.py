"""`send_proxy: v2`: each connection to a node says whose it is, and is nobody else's."""

import asyncio
from pathlib import Path

from proxy.proxy_protocol import Origin, read_origin
from tests.certificates import Authority
from tests.scenarios.harness import RawNode, eventually, ok, proxied, read_request, socket_of
from tests.scenarios.test_a_listener_speaks_tls import GET, connect, listening


class Listener(RawNode):
    """A node that waits for a PROXY header on each connection."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.origins: list[Origin] = []
        self.ports: list[int] = []
        self.requests = 0

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await reader.readexactly(16)
        rest = await reader.readexactly(int.from_bytes(start[14:]))
        origin = read_origin(start + rest)
        assert origin is not None
        self.origins.append(origin)
        self.ports.append(int.from_bytes(rest[8:10]))
        while True:
            await read_request(reader)
            self.requests += 1
            writer.write(ok())


async def test_each_request_has_a_connection_that_says_whose_it_is() -> None:
    node = Listener()
    async with proxied(node, send_proxy="v2") as proxy:
        wires = [await proxy.connect(local_addr=(f"127.0.0.{last}", 0)) for last in (2, 3)]
        for wire in (*wires, *wires):
            assert (await wire.exchange(GET))[1] == b"ok"
        assert [origin.address for origin in node.origins] == ["127.0.0.2", "127.0.0.3"] * 2
        assert node.ports[:2] == [socket_of(wire.writer).getsockname()[1] for wire in wires]
        assert not any(origin.secure for origin in node.origins)
        assert node.connections == node.requests == 4
        await eventually(lambda: node.open == 0)


async def test_it_says_that_a_client_came_by_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    node = Listener()
    async with proxied(node, listening(authority.issue("shop.example")), send_proxy="v2") as proxy:
        wire = await connect(proxy, authority.client())
        assert (await wire.exchange(GET))[1] == b"ok"
        assert [(origin.address, origin.secure) for origin in node.origins] == [("127.0.0.1", True)]


async def test_it_passes_on_what_another_proxy_said() -> None:
    node = Listener()
    listen = {"address": "127.0.0.1:0", "proxy_protocol": True}
    settings = {"listen": listen, "forwarded": {"trusted_proxies": ["127.0.0.1"]}}
    async with proxied(node, settings, send_proxy="v2") as proxy:
        for said, address in (
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n", "192.0.2.7"),
            (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7"),
        ):
            await proxy.ask(said + GET[:-2] + b"Connection: close\r\n\r\n")
            assert node.origins[-1].address == address
