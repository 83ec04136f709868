"""What a real DNS server says, and does not say."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.discovery_settings import Discover
from control.discovery import dns_source
from control.discovery.dns_source import DnsSource
from control.discovery.source import DiscoveryError
from tests.control.discovery.dnsmasq import NAME, RECORDS, Dnsmasq, dnsmasq


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dnsmasq]:
    with dnsmasq(tmp_path_factory.mktemp("dnsmasq"), ttl=7) as server:
        yield server


def asking(server: Dnsmasq, **options: Any) -> DnsSource:
    where = {"dns": NAME, "port": 8000} if "srv" not in options else {}
    return DnsSource(Discover.model_validate({**where, "resolvers": server.resolver, **options}))


async def urls(source: DnsSource) -> list[str]:
    return [str(node.url) for node in (await source.look()).nodes]


async def test_addresses_of_the_kind_that_is_asked_for(server: Dnsmasq) -> None:
    server.has("127.0.1.1", "127.0.1.2", "fd00::1")
    four = ["http://127.0.1.1:8000", "http://127.0.1.2:8000"]
    assert await urls(asking(server)) == four
    assert (await asking(server).look()).ttl == 7
    assert await urls(asking(server, family="ipv4")) == four
    assert await urls(asking(server, family="ipv6")) == ["http://[fd00::1]:8000"]
    assert await urls(asking(server, family="all")) == [*four, "http://[fd00::1]:8000"]
    server.has("fd00::2")
    assert await urls(asking(server)) == ["http://[fd00::2]:8000"]
    with pytest.raises(DiscoveryError, match=r"app\.test has no IPv4 address"):
        await asking(server, family="ipv4").look()


async def test_an_answer_too_long_for_udp_comes_whole(server: Dnsmasq) -> None:
    many = [f"127.1.{number // 200}.{number % 200}" for number in range(1, 301)]
    server.has(*many)
    assert len(await urls(asking(server))) == 300


async def test_what_is_no_answer(server: Dnsmasq, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DiscoveryError, match=r"does not exist: nowhere\.test"):
        await asking(server, dns="nowhere.test").look()
    with pytest.raises(DiscoveryError, match="answered REFUSED"):
        await asking(server, dns="app.example").look()
    monkeypatch.setattr(dns_source, "LIFETIME", 0.2)
    with pytest.raises(DiscoveryError, match=r"no DNS server has answered within 0\.2 s"):
        await asking(server, resolvers="127.0.0.1:9").look()


async def test_records_with_ports_weights_and_priorities(server: Dnsmasq) -> None:
    server.has("127.0.1.1", name="n1.app.test")
    server.has("127.0.1.2", "127.0.1.3", name="n2.app.test")
    server.serves("n1.app.test,8001,0,10", "n2.app.test,8002,0,20", "n2.app.test,8003,9,0", "no.test,1,0,0")
    found = await asking(server, srv=RECORDS).look()
    assert [(node.name, str(node.url), node.weight, node.backup) for node in found.nodes] == [
        ("n1:8001", "http://127.0.1.1:8001", 5, False),
        ("n2:8002", "http://127.0.1.2:8002", 10, False),
        ("n2:8003", "http://127.0.1.2:8003", 1, True),
    ]
    assert found.problems == ("no.test. has no address",)
    with pytest.raises(DiscoveryError, match=r"app\.test has no SRV record"):
        await asking(server, srv="n1.app.test").look()


async def test_a_target_that_is_elsewhere_by_now_keeps_its_name(server: Dnsmasq) -> None:
    server.has("127.0.1.5", name="n5.app.test")
    server.serves("n5.app.test,8001,0,0")
    source = asking(server, srv=RECORDS)
    assert await urls(source) == ["http://127.0.1.5:8001"]
    server.has("127.0.1.4", "127.0.1.5", name="n5.app.test")
    assert await urls(source) == ["http://127.0.1.5:8001"]
    server.has("127.0.1.6", name="n5.app.test")
    found = await source.look()
    assert [(node.name, str(node.url)) for node in found.nodes] == [("n5:8001", "http://127.0.1.6:8001")]
