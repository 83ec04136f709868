"""Connections that do not become TLS: they count, are gone in time, and leave nothing behind."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.scenarios.harness import Recorder, eventually, proxied
from tests.scenarios.test_a_listener_speaks_tls import GET, connect, listening


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_who_says_nothing_is_gone_in_time(authority: Authority) -> None:
    settings = listening(authority.issue("shop.example")) | {"timeouts": {"handshake": "300ms"}}
    async with proxied(Recorder(), settings) as proxy:
        wires = [await proxy.connect() for _ in range(3)]
        wires[1].write(b"\x16\x03\x01\x02\x00\x01\x00\x01")  # the beginning of a ClientHello
        for wire in wires:
            assert await wire.closed()
        assert proxy.engine.counters.rejected == {"tls_timeout": 3}
        assert [record.fault for record in proxy.records] == ["tls_timeout"] * 3


async def test_a_handshake_counts_against_the_limits(authority: Authority) -> None:
    settings = listening(authority.issue("shop.example")) | {"limits": {"connections_per_address": 2}}
    async with proxied(Recorder(), settings) as proxy:
        silent = await proxy.connect()
        served = await connect(proxy, authority.client())
        assert proxy.engine.counters.connections == 2
        refused = await proxy.connect()
        assert await refused.closed()
        assert proxy.engine.counters.rejected == {"connections_per_address": 1}
        await silent.close()
        await eventually(lambda: proxy.engine.counters.connections == 1)
        assert proxy.engine.counters.rejected == {"connections_per_address": 1, "tls_left": 1}
        assert (await served.exchange(GET))[1] == b"ok"
        assert (await (await connect(proxy, authority.client())).exchange(GET))[1] == b"ok"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (GET, "tls_plain_http"),
        (b"\x00" * 100, "tls_handshake"),
        (b"\x16\x03\x01\xff\xff" + b"x" * 100, "tls_handshake"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "tls_handshake"),
    ],
)
async def test_garbage_is_refused_and_counted(authority: Authority, sent: bytes, reason: str) -> None:
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        said = await proxy.ask(sent)
        assert said == b"" or said[:1] == b"\x15"  # an alert
        await eventually(lambda: proxy.engine.counters.rejected == {reason: 1})


async def test_a_client_may_leave_at_every_step(authority: Authority) -> None:
    """The ClientHello of a real client, cut at every eighth byte, by a FIN and by a reset."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.client().wrap_bio(incoming, outgoing, server_hostname="shop.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        tries = range(0, len(hello) + 1, 8)
        for length in tries:
            wire = await proxy.connect()
            await wire.send(hello[:length])
            if length % 16:
                wire.reset()
            else:
                await wire.close()
        await eventually(proxy.at_rest)
        assert proxy.engine.counters.rejected == {"tls_left": len(tries)}
        assert proxy.records == [], "whoever looks whether somebody listens fills no log"
        assert (await (await connect(proxy, authority.client())).exchange(GET))[1] == b"ok"


async def test_stopping_does_not_wait_for_handshakes(authority: Authority) -> None:
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        wire = await proxy.connect()
        await eventually(lambda: len(proxy.engine.clients) == 1)
        proxy.engine.stop()
        assert await wire.closed()
        assert not proxy.engine.clients
        assert proxy.engine.counters.rejected == {}, "it was not the client who left"


async def test_many_handshakes_at_once(authority: Authority) -> None:
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        context = authority.client()
        wires = await asyncio.gather(*(connect(proxy, context) for _ in range(50)))
        answers = await asyncio.gather(*(wire.exchange(GET) for wire in wires))
        assert {body for _, body in answers} == {b"ok"}
