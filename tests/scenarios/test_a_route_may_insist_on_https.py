"""Redirects to https, and what browsers are told about it."""

from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.scenarios.harness import Recorder, RunningProxy, header, ok, proxied
from tests.scenarios.test_a_listener_speaks_tls import GET, connect, listening

HSTS = b"Strict-Transport-Security"


def route(**options: Any) -> dict[str, Any]:
    return {"routes": [{"service": "app", **options}]}


async def ask(proxy: RunningProxy, line: bytes, *fields: bytes) -> bytes:
    """The head of the answer."""
    wire = await proxy.connect()
    lines = b"".join(field + b"\r\n" for field in fields)
    return (await wire.exchange(b"%b\r\n%b\r\n" % (line, lines)))[0]


@pytest.mark.parametrize(
    ("line", "host", "location"),
    [
        (b"GET /a%20b?c=d HTTP/1.1", b"Shop.example:8080", b"https://Shop.example/a%20b?c=d"),
        (b"GET //evil.example/ HTTP/1.1", b"shop.example", b"https://shop.example//evil.example/"),
        (b"GET / HTTP/1.1", b"[::1]:80", b"https://[::1]/"),
        (b"GET http://other.example:1/x HTTP/1.1", b"shop.example", b"https://other.example/x"),
        (b"GET /x HTTP/1.0", b"shop.example", b"https://shop.example/x"),
        (b"OPTIONS * HTTP/1.1", b"shop.example", b"https://shop.example/"),
        (b"DELETE /x HTTP/1.1", b"shop.example", b"https://shop.example/x"),
    ],
)
async def test_who_comes_by_http_is_sent_to_https(line: bytes, host: bytes, location: bytes) -> None:
    node = Recorder()
    async with proxied(node, route(redirect_to_https=True)) as proxy:
        head = await ask(proxy, line, b"Host: " + host)
        assert head.startswith(b"HTTP/1.1 308 ")
        assert header(head, b"Location") == [location]
        assert node.requests == []
        assert [record.fault for record in proxy.records] == ["redirected_to_https"]


async def test_to_another_port_and_not_without_a_host() -> None:
    async with proxied(Recorder(), route(redirect_to_https=8443)) as proxy:
        assert header(await ask(proxy, b"GET / HTTP/1.1", b"Host: a:80"), b"Location") == [b"https://a:8443/"]
        assert (await ask(proxy, b"GET / HTTP/1.0")).startswith(b"HTTP/1.1 400 ")


async def test_a_body_does_not_keep_it_from_being_sent() -> None:
    async with proxied(Recorder(), route(redirect_to_https=True)) as proxy:
        head = await ask(proxy, b"POST / HTTP/1.1", b"Host: a", b"Content-Length: 5000")
        assert head.startswith(b"HTTP/1.1 308 ")
        assert b"Connection: close" in head


async def test_a_trusted_proxy_has_ended_tls_already() -> None:
    node = Recorder()
    trusted = {"forwarded": {"trusted_proxies": ["127.0.0.1"]}}
    async with proxied(node, route(redirect_to_https=True, hsts="1h") | trusted) as proxy:
        head = await ask(proxy, b"GET / HTTP/1.1", b"Host: a", b"X-Forwarded-Proto: https")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert header(head, HSTS) == [b"max-age=3600"]
    async with proxied(Recorder(), route(redirect_to_https=True)) as proxy:
        head = await ask(proxy, b"GET / HTTP/1.1", b"Host: a", b"X-Forwarded-Proto: https")
        assert head.startswith(b"HTTP/1.1 308 ")


async def test_only_answers_by_https_say_so_and_all_of_them(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    node = Recorder(ok(b"ok", b"strict-transport-security: max-age=1"))
    hsts = {"max_age": "365d", "include_subdomains": True, "preload": True}
    settings = route(hsts=hsts) | listening(authority.issue("shop.example"))
    said = [b"max-age=31536000; includeSubDomains; preload"]
    async with proxied(node, settings) as proxy:
        wire = await connect(proxy, authority.client())
        for _ in range(2):
            assert header((await wire.exchange(GET))[0], HSTS) == said
        await node.stop()
        head, _ = await wire.exchange(GET)
        assert head.startswith(b"HTTP/1.1 50")
        assert header(head, HSTS) == said
    node = Recorder()
    async with proxied(node, route(hsts="365d")) as proxy:
        assert header(await ask(proxy, b"GET / HTTP/1.1", b"Host: a"), HSTS) == []
