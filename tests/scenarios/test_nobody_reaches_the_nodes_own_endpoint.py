"""`/.limpet/` is between Limpet and its nodes: through the proxy it is not there, however it is spelt."""

from typing import Any

import pytest

from tests.scenarios.harness import Recorder, proxied

SPELLINGS = [
    *("/.limpet", "/.limpet/", "/.limpet/sessions", "/.limpet/sessions/", "/.limpet/sessions?limit=9"),
    *("//.limpet/sessions/", "///.limpet//sessions/", "/./.limpet/sessions/", "/x/../.limpet/sessions/"),
    *("/%2elimpet/sessions/", "/%2E%6c%69mpet/sessions/", "/.limpet%2fsessions/", "/.limpet%2Fsessions%2f"),
    *("/%2f.limpet/sessions/", "/x/%2e%2e/.limpet/sessions/", "/x/..%2f.limpet/sessions/"),
    *("/%5c.limpet/sessions/", "/x/..%5c.limpet/sessions/", "/x\\..\\.limpet/sessions/"),
    *("/.LIMPET/sessions/", "/.Limpet/Sessions/", "/.limpet;a=b/sessions/", "/;/.limpet/sessions/"),
    *("/;a/../.limpet/sessions/", "http://x/.limpet/sessions/", "HTTP://x//.limpet/sessions/"),
]
KEYS = {"node_keys": ["a-key-for-the-nodes-long-enough"]}


def request(target: str, method: str = "GET") -> bytes:
    """With a right key, in case anybody listens."""
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nLimpet-Key: {KEYS['node_keys'][0]}\r\n"
    return f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("sessions", [{}, {"contract": True}], ids=["plain", "contract"])
async def test_in_no_spelling(sessions: dict[str, Any]) -> None:
    node = Recorder()
    async with proxied(
        node, KEYS if sessions else {}, sessions={"strategy": "affinity", **sessions}
    ) as proxy:
        for target in SPELLINGS:
            assert (await proxy.ask(request(target)))[9:12] in (b"404", b"400"), target
        assert node.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "QUERY"])
async def test_by_no_method(method: str) -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        assert (await proxy.ask(request("/.limpet/sessions/", method)))[9:12] == b"404"
        assert node.requests == []


async def test_nor_behind_a_prefix_that_is_taken_off() -> None:
    node = Recorder()
    routes = {"routes": [{"service": "app", "path": "/app", "strip_prefix": True}]}
    async with proxied(node, routes) as proxy:
        for target in ("/app/.limpet/sessions/", "/app//.limpet/sessions/", "/app/x/../.limpet/sessions/"):
            assert (await proxy.ask(request(target)))[9:12] in (b"404", b"400"), target
        assert node.requests == []


async def test_a_path_that_only_looks_like_it_is_an_apps() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        for target in ("/limpet/sessions", "/x.limpet/?/.limpet/", "/a/.limpet/"):
            assert (await proxy.ask(request(target)))[9:12] == b"200", target
        assert len(node.requests) == 3
