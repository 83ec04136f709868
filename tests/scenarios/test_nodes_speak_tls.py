"""HTTPS to nodes: who is believed to be the node, and what is said where it is not."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from routing.states import NodeState
from tests.certificates import Authority
from tests.scenarios.harness import (
    Handler,
    RawNode,
    RunningProxy,
    eventually,
    header,
    ok,
    read_request,
    running_proxy,
    socket_of,
    started,
)

GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"


class TlsNode(RawNode):
    """A node under TLS that keeps the heads of its requests, and what clients asked for it as."""

    def __init__(self, context: ssl.SSLContext | None, handler: Handler | None = None) -> None:
        super().__init__(handler or self._answer)
        self._context = context
        if context is not None:
            context.sni_callback = lambda _, name, __: self.asked.append(name)
        self.asked: list[str | None] = []
        self.heads: list[bytes] = []
        self.shown: list[Any] = []

    async def start(self, port: int = 0, path: str = "") -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.shown.append(writer.get_extra_info("peercert"))
        while True:
            self.heads.append((await read_request(reader))[0])
            writer.write(ok())


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As an HTTP server without TLS does."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def before(
    node: TlsNode, tls: dict[str, Any], host: str = "localhost", **options: Any
) -> AsyncIterator[RunningProxy]:
    """A proxy before one node with `https://`."""
    async with started(node):
        nodes = [{"name": "a", "url": f"https://{host}:{node.port}"}]
        async with running_proxy({"app": {"nodes": nodes, "tls": tls, **options}}) as proxy:
            yield proxy


async def test_a_node_is_asked_for_by_name_and_its_connections_are_kept(authority: Authority) -> None:
    node = TlsNode(authority.server(authority.issue("localhost")))
    async with before(node, {"ca": authority.file}) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            assert (await wire.exchange(GET))[1] == b"ok"
        assert node.connections == 1
        assert node.asked == ["localhost"]
        assert header(node.heads[0], b"X-Forwarded-Proto") == [b"http"]


async def test_a_node_may_have_another_name_than_its_address(authority: Authority) -> None:
    node = TlsNode(authority.server(authority.issue("shop.internal")))
    tls = {"ca": authority.file, "server_name": "shop.internal"}
    async with before(node, tls, host="127.0.0.1") as proxy:
        assert b"200 OK" in await proxy.ask(GET[:-2] + b"Connection: close\r\n\r\n")
        assert node.asked == ["shop.internal"]


async def test_a_node_may_be_known_by_its_address(authority: Authority) -> None:
    node = TlsNode(authority.server(authority.issue("127.0.0.1")))
    async with before(node, {"ca": authority.file}, host="127.0.0.1") as proxy:
        assert b"200 OK" in await proxy.ask(GET[:-2] + b"Connection: close\r\n\r\n")


async def test_limpet_has_a_certificate_too(authority: Authority) -> None:
    context = authority.server(authority.issue("localhost"), cafile=authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    node = TlsNode(context)
    tls = {"ca": authority.file, **authority.issue("limpet.example")}
    async with before(node, tls) as proxy:
        assert b"200 OK" in await proxy.ask(GET[:-2] + b"Connection: close\r\n\r\n")
        assert node.shown[0]["subjectAltName"] == (("DNS", "limpet.example"),)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("expired", "certificate_expired"),
        ("name", "certificate_of_another_name"),
        ("stranger", "certificate_of_unknown_authority"),
        ("plain", "tls_failed"),
    ],
)
async def test_who_is_not_the_node_gets_nothing(
    authority: Authority, tmp_path: Path, case: str, reason: str
) -> None:
    """Neither by a request nor by a probe, and the node's state says why."""
    other = Authority(tmp_path, "other") if case == "stranger" else authority
    pair = other.issue("other.example" if case == "name" else "localhost", into="node")
    if case == "expired":
        pair = authority.expired("localhost", into="node")
    node = TlsNode(other.server(pair))
    if case == "plain":
        node = TlsNode(None, refuse)
    health = {"path": "/", "interval": "10s", "timeout": "10s", "fall": 1}
    async with before(node, {"ca": authority.file}, health=health) as proxy:
        await eventually(lambda: proxy.state_of("a") is NodeState.DOWN, 60)
        why = proxy.runtime.cluster.watches["app"].health.nodes[0].why
        assert reason.replace("_", " ") in why
        assert node.heads == []
    async with before(node, {"ca": authority.file}) as proxy:
        said = await proxy.ask(GET[:-2] + b"Connection: close\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 502 ")
        assert [record.fault for record in proxy.records] == [reason]
        assert node.heads == []


async def test_anybody_may_be_the_node_only_where_that_is_said(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    node = TlsNode(authority.server(authority.expired("other.example")))
    async with before(node, {"verify": False}) as proxy:
        assert b"200 OK" in await proxy.ask(GET[:-2] + b"Connection: close\r\n\r\n")
    assert "service app: `tls.verify` is false" in caplog.text


async def test_probes_use_tls_and_the_same_name(authority: Authority) -> None:
    node = TlsNode(authority.server(authority.issue("shop.internal")))
    tls = {"ca": authority.file, "server_name": "shop.internal"}
    health = {"path": "/well", "interval": "100ms", "timeout": "100ms", "rise": 1, "fall": 100}
    async with before(node, tls, health=health) as proxy:
        await eventually(lambda: len(node.heads) > 2, 60)
        assert node.heads[0].startswith(b"GET /well ")
        assert proxy.state_of("a") is NodeState.UP
        assert set(node.asked) == {"shop.internal"}


@pytest.mark.parametrize("farewell", [True, False])
async def test_an_answer_that_only_its_end_delimits_needs_the_nodes_own_end(
    authority: Authority, farewell: bool
) -> None:
    """Without TLS's farewell anybody on the way could have cut it short (RFC 9112 section 9.8)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await writer.drain()
        if farewell:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        else:
            with socket.socket(fileno=os.dup(socket_of(writer).fileno())) as end:
                end.shutdown(socket.SHUT_WR)
            await reader.read()

    node = TlsNode(authority.server(authority.issue("localhost")), answer)
    async with before(node, {"ca": authority.file}) as proxy:
        wire = await proxy.connect()
        wire.write(GET)
        if farewell:
            assert (await wire.read_response())[1] == b"half of it"
        else:
            assert (await wire.read_all()).endswith(b"half of it\r\n")  # and no last chunk
        fault = "" if farewell else "node_closed"
        await eventually(lambda: [record.fault for record in proxy.records] == [fault])


async def test_a_tunnel_to_a_node_under_tls(authority: Authority) -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        while (said := await reader.read(100)) not in (b"", b"bye"):
            writer.write(said)

    upgrade = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: x\r\n\r\n"
    node = TlsNode(authority.server(authority.issue("localhost")), switch)
    async with before(node, {"ca": authority.file}) as proxy:
        for last in (b"bye", b""):
            wire = await proxy.connect()
            assert (await wire.exchange(upgrade))[0].startswith(b"HTTP/1.1 101 ")
            wire.write(b"hello")
            assert await wire.read_exactly(5) == b"hello"
            if last:
                wire.write(last)
            else:
                wire.writer.write_eof()
            assert await wire.closed()
            await eventually(lambda: node.open == 0)
