"""Who comes for the first time gets an id of their own, and a node by weight and load, not by address."""

import asyncio
from collections import Counter

from tests.scenarios.harness import (
    AppNode,
    Recorder,
    RunningProxy,
    cookie_of,
    header,
    named_node,
    node_settings,
    proxied,
    running_proxy,
    service,
    started,
)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def come(proxy: RunningProxy) -> tuple[bytes, bytes]:
    """A new client: its node and its cookie."""
    wire = await proxy.connect()
    head, body = await wire.exchange(GET)
    await wire.close()
    return body, cookie_of(head)


async def test_fifty_clients_behind_one_address_get_fifty_ids() -> None:
    nodes = [named_node(name) for name in "abc"]
    async with started(*nodes), running_proxy({"app": service([node.port for node in nodes])}) as proxy:
        came = await asyncio.gather(*(come(proxy) for _ in range(50)))
        assert len({cookie for _, cookie in came}) == 50
        assert len({record.session for record in proxy.records}) == 50
        assert all(record.session for record in proxy.records)


async def test_even_one_connection_that_forgets_its_cookie_gets_a_new_id_each_time() -> None:
    async with proxied(Recorder()) as proxy:
        wire = await proxy.connect()
        cookies = {cookie_of((await wire.exchange(GET))[0]) for _ in range(20)}
        assert len(cookies) == 20


async def test_clients_of_many_addresses_are_spread_by_weight() -> None:
    nodes: list[AppNode] = [named_node(name) for name in "abc"]
    async with started(*nodes):
        weights = {"a": 1, "b": 2, "c": 1}
        settings = [
            node_settings(name, node.port, weight=weights[name])
            for name, node in zip("abc", nodes, strict=True)
        ]
        trusted = {"forwarded": {"trusted_proxies": ["127.0.0.0/8"]}}
        async with running_proxy({"app": {"nodes": settings}}, **trusted) as proxy:
            wire = await proxy.connect()
            count: Counter[bytes] = Counter()
            for i in range(800):
                line = b"X-Forwarded-For: 10.0.%d.%d\r\n" % divmod(i, 256)
                _, body = await wire.exchange(GET[:-2] + line + b"\r\n")
                count[body] += 1
            assert 130 < count[b"a"] < 270
            assert 330 < count[b"b"] < 470


async def test_a_browsers_first_requests_come_to_one_node() -> None:
    nodes = [named_node(name) for name in "abc"]
    async with started(*nodes), running_proxy({"app": service([node.port for node in nodes])}) as proxy:
        came = await asyncio.gather(*(come(proxy) for _ in range(6)))
        assert len({node for node, _ in came}) == 1


async def test_a_client_never_chooses_its_id() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for value in (b"AAAAAAAAAAAAAAAAAAAAAA", b"", b"x" * 3000, b"%00", b'"quoted"', b"\xff\xfe"):
            cookie = b"limpet_app=" + value
            head, _ = await wire.exchange(GET[:-2] + b"Cookie: " + cookie + b"; a=b\r\n\r\n")
            assert len(header(head, b"Set-Cookie")) == 1
            assert cookie_of(head) != cookie
            assert header(node.heads[-1], b"Cookie") == [b"a=b"]


async def test_a_token_is_good_for_its_service_alone() -> None:
    nodes = [named_node("a"), named_node("b")]
    async with started(*nodes):
        services = {
            "one": service([nodes[0].port], affinity={"cookie": "sid"}),
            "two": service([nodes[1].port], affinity={"cookie": "sid"}),
        }
        routes = [{"host": "one.example", "service": "one"}, {"host": "two.example", "service": "two"}]
        async with running_proxy(services, routes=routes) as proxy:
            wire = await proxy.connect()
            head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: one.example\r\n\r\n")
            cookie = cookie_of(head)
            for host, known in ((b"one.example", True), (b"two.example", False)):
                head, _ = await wire.exchange(
                    b"GET / HTTP/1.1\r\nHost: %b\r\nCookie: %b\r\n\r\n" % (host, cookie)
                )
                assert bool(header(head, b"Set-Cookie")) is not known


async def test_the_power_of_two_spreads_what_has_no_session() -> None:
    nodes = [named_node(name) for name in "abc"]
    async with started(*nodes):
        app = service([node.port for node in nodes], affinity={"mode": "none"})
        async with running_proxy({"app": app}) as proxy:
            wire = await proxy.connect()
            count: Counter[bytes] = Counter()
            for _ in range(300):
                head, body = await wire.exchange(GET)
                assert not header(head, b"Set-Cookie")
                count[body] += 1
            assert min(count.values()) > 50
