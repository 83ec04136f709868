"""Host and path choose the service by the file alone, and what a route changes is changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from proxy.routes import Route
from routing.table import RouteTable, Rule
from tests.scenarios.harness import (
    Recorder,
    RunningProxy,
    eventually,
    header,
    ok,
    running_proxy,
    service,
    started,
)

ROUTES = [
    {"service": "any"},
    {"service": "shop", "host": "shop.example"},
    {"service": "admin", "host": "shop.example", "path": "/admin"},
    {"service": "wild", "host": "*.example"},
]


@asynccontextmanager
async def named(*names: str, **settings: Any) -> AsyncIterator[tuple[RunningProxy, dict[str, Recorder]]]:
    nodes = {name: Recorder(ok(name.encode())) for name in names}
    async with started(*nodes.values()):
        services = {name: service([node.port]) for name, node in nodes.items()}
        async with running_proxy(services, **settings) as proxy:
            yield proxy, nodes


async def reached(proxy: RunningProxy, target: bytes, host: bytes, *fields: bytes) -> bytes:
    wire = await proxy.connect()
    lines = b"".join(field + b"\r\n" for field in fields)
    head, body = await wire.exchange(b"GET %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, host, lines))
    await wire.close()
    return body if head[9:12] == b"200" else head[9:12]


@pytest.mark.parametrize(
    ("host", "target", "name"),
    [
        (b"shop.example", b"/", b"shop"),
        (b"SHOP.Example:8080", b"/x?y=/admin", b"shop"),
        (b"shop.example.", b"/administrator", b"shop"),
        (b"shop.example", b"/admin", b"admin"),
        (b"shop.example", b"/admin/", b"admin"),
        (b"shop.example", b"/admin?x", b"admin"),
        (b"shop.example", b"/%61dmin/x", b"admin"),
        (b"shop.example", b"/x/../admin", b"404"),
        (b"shop.example", b"//admin", b"404"),
        (b"other.example", b"/admin", b"wild"),
        (b"a.b.example", b"/", b"wild"),
        (b"example", b"/", b"any"),
        (b"127.0.0.1", b"/admin", b"any"),
        (b"other", b"http://shop.example/admin", b"admin"),
    ],
)
async def test_host_and_path(host: bytes, target: bytes, name: bytes) -> None:
    async with named("any", "shop", "admin", "wild", routes=ROUTES) as (proxy, _):
        assert await reached(proxy, target, host) == name


async def test_no_field_of_the_client_chooses() -> None:
    async with named("any", "shop", "admin", "wild", routes=ROUTES) as (proxy, _):
        fields = [
            b"X-Forwarded-Host: shop.example",
            b"X-Original-URL: /admin",
            b"X-Rewrite-URL: /admin",
            b"Forwarded: host=shop.example",
            b"X-HTTP-Method-Override: CONNECT",
            b"Limpet-Node: admin",
        ]
        assert await reached(proxy, b"/", b"shop.example", *fields) == b"shop"
        assert await reached(proxy, b"/", b"elsewhere", *fields) == b"any"


async def test_one_connection_may_ask_many_services() -> None:
    async with named("any", "shop", "admin", "wild", routes=ROUTES) as (proxy, _):
        wire = await proxy.connect()
        for host, name in ((b"shop.example", b"shop"), (b"b.example", b"wild"), (b"x", b"any")) * 3:
            _, body = await wire.exchange(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            assert body == name


async def test_what_no_route_has_is_404_and_the_connection_lives_on() -> None:
    async with named("shop", routes=ROUTES[1:2]) as (proxy, nodes):
        wire = await proxy.connect()
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: other\r\n\r\n")
        assert head[9:12] == b"404"
        assert (await wire.exchange(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"))[1] == b"shop"
        head, _ = await wire.exchange(b"POST / HTTP/1.1\r\nHost: other\r\nContent-Length: 2\r\n\r\nhi")
        assert (head[9:12], header(head, b"Connection")) == (b"404", [b"close"])
        assert len(nodes["shop"].requests) == 1


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"/app", b"/"),
        (b"/app/", b"/"),
        (b"/app/x?y", b"/x?y"),
        (b"/app?y", b"/?y"),
        (b"/app/%2e", b"/%2e"),
        (b"/%61pp/x", b"400"),
        (b"/app/../x", b"404"),
    ],
)
async def test_a_prefix_may_be_taken_off(target: bytes, seen: bytes) -> None:
    routes = [{"service": "app", "path": "/app", "strip_prefix": True}]
    async with named("app", routes=routes) as (proxy, nodes):
        got = await reached(proxy, target, b"x")
        assert (nodes["app"].heads[0].split()[1] if got == b"app" else got) == seen


async def test_a_prefix_is_taken_off_once_from_each_request() -> None:
    """Also where a connection, or one after it, knows the line from before."""
    routes = [{"service": "app", "path": "/app", "strip_prefix": True}]
    data = b"GET /app/app/x HTTP/1.1\r\nHost: x\r\n\r\n"
    async with named("app", routes=routes) as (proxy, nodes):
        for _ in range(4):
            wire = await proxy.connect()
            for _ in range(2):
                await wire.exchange(data)
            await wire.close()
            await eventually(lambda: not proxy.engine.clients)
        assert [head.split()[1] for head in nodes["app"].heads] == [b"/app/x"] * 8


async def test_what_is_left_of_a_path_is_no_host() -> None:
    """`//evil.example/` would be one to whoever redirects to it."""
    routes = [{"service": "app", "path": "/app", "strip_prefix": True}]
    async with named("app", routes=routes) as (proxy, nodes):
        for target in (b"/app//evil.example/", b"/app//", b"/app/%2f/evil.example", b"//app/x"):
            await reached(proxy, target, b"x")
        assert not any(head.split()[1].startswith(b"//") for head in nodes["app"].heads)


async def test_a_line_that_comes_again_leads_where_its_host_and_the_routes_say() -> None:
    """Also where the connection, or one before it, knows where the line has led."""
    names = ("any", "shop", "admin", "wild")
    async with named(*names, routes=ROUTES) as (proxy, _):
        hosts = {b"shop.example": b"shop", b"x": b"any", b"a.example": b"wild"}
        wire = await proxy.connect()
        for host, name in [*hosts.items(), *hosts.items()]:
            for _ in range(2):
                _, body = await wire.exchange(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
                assert body == name
            for _ in range(2):
                assert await reached(proxy, b"/", host) == name
        proxy.engine.lead(RouteTable([Rule("*", "/", Route(proxy.engine.services["admin"]))]))
        for host in hosts:
            _, body = await wire.exchange(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            assert body == await reached(proxy, b"/", host) == b"admin"


async def test_fields_are_set_and_taken_away_on_the_way() -> None:
    routes = [
        {
            "service": "app",
            "request_headers": {"set": {"X-Team": "blue"}, "remove": ["X-Secret"]},
            "response_headers": {"set": {"X-Frame-Options": "DENY"}, "remove": ["Server"]},
        }
    ]
    async with named("app", routes=routes) as (proxy, nodes):
        nodes["app"].answer = ok(b"app", b"Server: old/1.0", b"x-frame-options: ALLOW", b"Kept: yes")
        wire = await proxy.connect()
        for _ in range(2):
            head, _ = await wire.exchange(
                b"GET / HTTP/1.1\r\nHost: x\r\nx-secret: 1\r\nX_Secret: 2\r\nX-TEAM: 1\r\nx_team: 2\r\n\r\n"
            )
            assert not header(head, b"Server")
            assert header(head, b"X-Frame-Options") == [b"DENY"]
            assert header(head, b"Kept") == [b"yes"]
            seen = nodes["app"].heads[-1].lower()
            assert seen.count(b"team") == 1
            assert b"x-team: blue\r\n" in seen
            assert b"secret" not in seen


async def test_routes_by_the_thousand_are_as_good_as_one() -> None:
    routes: list[dict[str, Any]] = [{"service": "any"}]
    routes += [{"service": "shop", "host": f"h{i}.example", "path": f"/p{i}"} for i in range(1000)]
    async with named("any", "shop", routes=routes) as (proxy, _):
        names = await asyncio.gather(
            reached(proxy, b"/p999/x", b"h999.example"),
            reached(proxy, b"/p998/x", b"h999.example"),
            reached(proxy, b"/", b"h1.example"),
        )
        assert names == [b"shop", b"any", b"any"]
