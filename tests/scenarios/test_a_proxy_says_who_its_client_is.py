"""The PROXY protocol on a listener: only from trusted addresses, before anything else, and TLS after it."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.proxy.test_proxy_protocol import INET, binary, more
from tests.scenarios.harness import Recorder, eventually, header, proxied
from tests.scenarios.test_a_listener_speaks_tls import GET, listening

TEXT = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"


def settings(trusted: str = "127.0.0.1", **options: Any) -> dict[str, Any]:
    listen = {"address": "127.0.0.1:0", "proxy_protocol": True}
    return {"listen": listen, "forwarded": {"trusted_proxies": [trusted]}, **options}


@pytest.mark.parametrize("told", [TEXT, binary()])
async def test_its_address_is_the_clients(told: bytes) -> None:
    node = Recorder()
    async with proxied(node, settings()) as proxy:
        wire = await proxy.connect()
        for request in (told + GET[:-2] + b"X-Forwarded-For: 198.51.100.1\r\n\r\n", GET):
            await wire.exchange(request)
        assert [header(head, b"X-Forwarded-For") for head in node.heads] == [[b"192.0.2.7"]] * 2
        assert [record.client for record in proxy.records] == ["192.0.2.7"] * 2


async def test_it_may_come_byte_by_byte() -> None:
    node = Recorder()
    async with proxied(node, settings()) as proxy:
        for told in (TEXT, binary()):
            wire = await proxy.connect()
            for position in range(len(told + GET)):
                await wire.send((told + GET)[position : position + 1])
            assert (await wire.read_response())[1] == b"ok"
        assert [header(head, b"X-Forwarded-For") for head in node.heads] == [[b"192.0.2.7"]] * 2


async def test_that_the_client_came_by_tls_counts() -> None:
    node = Recorder()
    told = binary(rest=INET + more(0x20, b"\x01\x00\x00\x00\x00"))
    async with proxied(node, settings()) as proxy:
        head = await proxy.ask(told + GET[:-2] + b"Connection: close\r\n\r\n")
        assert header(node.heads[0], b"X-Forwarded-Proto") == [b"https"]
        assert b"; Secure" in head


async def test_the_proxy_itself_may_ask_but_not_speak_for_others() -> None:
    node = Recorder()
    forged = GET[:-2] + b"X-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n"
    async with proxied(node, settings()) as proxy:
        for told in (b"PROXY UNKNOWN\r\n", binary(command=0x20, rest=b"")):
            await proxy.ask(told + forged)
        assert [header(head, b"X-Forwarded-For") for head in node.heads] == [[b"127.0.0.1"]] * 2


async def test_nobody_else_may_say_so() -> None:
    node = Recorder()
    async with proxied(node, settings(trusted="192.0.2.0/24")) as proxy:
        assert await proxy.ask(TEXT + GET) == b""
        await eventually(lambda: proxy.engine.counters.rejected == {"proxy_protocol_untrusted": 1})
        assert node.requests == []


@pytest.mark.parametrize(
    "data", [GET, b"PROXY TCP4 x\r\n" + GET, binary(command=0x11) + GET, b"\x16\x03\x01"]
)
async def test_what_is_no_header_closes_the_connection(data: bytes) -> None:
    node = Recorder()
    async with proxied(node, settings()) as proxy:
        assert await proxy.ask(data) == b""
        await eventually(lambda: proxy.engine.counters.rejected == {"proxy_protocol": 1})
        assert node.requests == []


async def test_it_has_its_time() -> None:
    async with proxied(Recorder(), settings(timeouts={"handshake": "300ms"})) as proxy:
        silent = [await proxy.connect() for _ in range(3)]
        silent[0].write(TEXT[:20])
        for wire in silent:
            assert await wire.closed()
        assert proxy.engine.counters.rejected == {"proxy_protocol_timeout": 3}


async def test_connections_count_by_the_client() -> None:
    async with proxied(Recorder(), settings(limits={"connections_per_address": 1})) as proxy:
        silent = [await proxy.connect() for _ in range(3)]
        first, second = await proxy.connect(), await proxy.connect()
        assert (await first.exchange(TEXT + GET))[1] == b"ok"
        second.write(TEXT + GET)
        assert await second.closed()
        assert proxy.engine.counters.rejected == {"connections_per_address": 1}
        assert proxy.engine.counters.connections == len(silent) + 1


@pytest.mark.parametrize("together", [True, False])
async def test_tls_begins_after_it(tmp_path: Path, together: bool) -> None:
    """The header and the ClientHello in one segment, or apart."""
    authority = Authority(tmp_path)
    options = settings()
    options["listen"] |= listening(authority.issue("shop.example"))["listen"] | {"address": "127.0.0.1:0"}
    node = Recorder()
    async with proxied(node, options) as proxy:
        wire = await proxy.connect()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = authority.client().wrap_bio(incoming, outgoing, server_hostname="shop.example")
        if not together:
            await wire.send(TEXT)
            await eventually(lambda: "192.0.2.7" in proxy.engine.addresses)
        told = TEXT if together else b""
        for act in (client.do_handshake, lambda: client.write(GET), lambda: client.read(9)):
            while True:
                try:
                    got = act()
                    break
                except ssl.SSLWantReadError:
                    await wire.send(told + outgoing.read())
                    told = b""
                    incoming.write(await asyncio.wait_for(wire.reader.read(65536), 60))
        assert got == b"HTTP/1.1 "
        assert header(node.heads[0], b"X-Forwarded-For") == [b"192.0.2.7"]
        assert header(node.heads[0], b"X-Forwarded-Proto") == [b"https"]
