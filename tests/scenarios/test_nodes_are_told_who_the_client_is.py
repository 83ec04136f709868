"""X-Forwarded-*, Forwarded, Via and the request id: only a trusted proxy's word counts."""

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.harness import Recorder, header, ok, proxied

TOLD = (
    b"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 9.9.9.9, 8.8.8.8\r\n"
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\n"
    b"X-Real-IP: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\n"
    b"X_Forwarded_For: 7.7.7.7\r\nX-Request-Id: given-1\r\nVia: 1.1 before\r\n\r\n"
)
TRUSTED = {"trusted_proxies": ["127.0.0.1", "8.8.8.8"]}


async def seen(forwarded: dict[str, Any], request_bytes: bytes = TOLD) -> tuple[bytes, bytes, str]:
    """The head that the node got, the head that the client got, and the client's address in the log."""
    node = Recorder(ok(b"ok", b"Via: 1.0 inner"))
    async with proxied(node, {"forwarded": forwarded}) as proxy:
        wire = await proxy.connect()
        first, _ = await wire.exchange(request_bytes)
        await wire.exchange(request_bytes)
        assert header(node.heads[0], b"X-Forwarded-For") == header(node.heads[1], b"X-Forwarded-For")
        return node.heads[0], first, proxy.records[0].client


async def test_a_stranger_is_not_believed() -> None:
    head, _, client = await seen({})
    assert header(head, b"X-Forwarded-For") == [b"127.0.0.1"]
    assert header(head, b"X-Forwarded-Proto") == [b"http"]
    assert header(head, b"X-Forwarded-Host") == [b"shop.example"]
    for gone in (b"X-Forwarded-Port", b"X-Real-IP", b"Forwarded", b"X_Forwarded_For"):
        assert not header(head, gone)
    assert header(head, b"X-Request-Id") != [b"given-1"]
    assert len(header(head, b"X-Request-Id")) == 1
    assert client == "127.0.0.1"


async def test_a_trusted_proxy_is_believed_and_added_to() -> None:
    head, _, client = await seen(TRUSTED)
    assert header(head, b"X-Forwarded-For") == [b"9.9.9.9, 8.8.8.8, 127.0.0.1"]
    assert header(head, b"X-Forwarded-Proto") == [b"https"]
    assert header(head, b"X-Forwarded-Host") == [b"evil.example"]
    assert header(head, b"X-Forwarded-Port") == [b"1"]
    assert header(head, b"X-Request-Id") == [b"given-1"]
    assert not header(head, b"X_Forwarded_For")
    assert client == "9.9.9.9"


async def test_the_one_standard_field_in_their_place() -> None:
    head, _, _ = await seen({"style": "forwarded"})
    assert header(head, b"Forwarded") == [b'for=127.0.0.1;host="shop.example";proto=http']
    assert not header(head, b"X-Forwarded-For")
    head, _, _ = await seen({"style": "forwarded"} | TRUSTED)
    assert header(head, b"Forwarded")[0].startswith(b"for=9.9.9.9, for=127.0.0.1;")


async def test_via_is_added_where_it_is_asked_for() -> None:
    head, answer, _ = await seen({})
    assert (header(head, b"Via"), header(answer, b"Via")) == ([b"1.1 before"], [b"1.0 inner"])
    head, answer, _ = await seen({"via": "edge"})
    assert header(head, b"Via") == [b"1.1 before, 1.1 edge"]
    assert header(answer, b"Via") == [b"1.0 inner, 1.1 edge"]


async def test_each_request_has_an_id_of_its_own_and_the_log_knows_it() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(10):
            await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        ids = [header(head, b"X-Request-Id")[0].decode() for head in node.heads]
        assert len(set(ids)) == 10
        assert [record.request_id for record in proxy.records] == ids


@pytest.mark.parametrize("value", [b"a b", b"", b"x" * 129, b"<script>", b'"'])
async def test_an_id_that_could_harm_the_log_is_replaced(value: bytes) -> None:
    head, _, _ = await seen(TRUSTED, b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + value + b"\r\n\r\n")
    assert header(head, b"X-Request-Id")[0] not in (value, b"")


async def test_the_ids_header_may_be_another_or_none() -> None:
    node = Recorder()
    async with proxied(node, {"forwarded": {"request_id": "Trace"}}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: theirs\r\nTrace: t\r\n\r\n")
        assert header(node.heads[0], b"X-Request-Id") == [b"theirs"]
        assert len(header(node.heads[0], b"Trace")) == 1
        assert header(node.heads[0], b"Trace") != [b"t"]
    node = Recorder()
    async with proxied(node, {"forwarded": {"request_id": None}}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: theirs\r\n\r\n")
        assert header(node.heads[0], b"X-Request-Id") == [b"theirs"]


async def test_an_operators_own_error_page_is_shown(tmp_path: Path) -> None:
    page, data = tmp_path / "error.html", tmp_path / "error.json"
    page.write_text("<p>{status} {reason}: {detail} ({request_id}) {other}</p>")
    data.write_text('{"code": {status}, "id": "{request_id}"}')
    node = Recorder()
    pages = {"html": str(page), "json": str(data)}
    routes = [{"service": "app", "path": "/app"}]
    async with proxied(node, {"error_pages": pages, "routes": routes}) as proxy:
        wire = await proxy.connect()
        _, html = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
        assert html.startswith(b"<p>404 Not Found: No service is configured")
        assert html.endswith(b"{other}</p>")
        _, text = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert text == b'{"code": 404, "id": "%b"}' % proxy.records[-1].request_id.encode()
