"""What Limpet tells a node, only Limpet tells it; and what belongs to a hop stays there."""

import pytest

from tests.scenarios.harness import Recorder, header, ok, proxied

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "name",
    [
        b"Limpet-Key", b"limpet-session", b"LIMPET_STATE", b"Limpet_Version", b"limpet-anything", b"Limpet-",
        b"X-Forwarded-For", b"X_Forwarded-For", b"x-forwarded_host", b"X-Forwarded-Anything", b"X_REAL_IP",
        b"Content_Length", b"Transfer_Encoding", b"X_Request_Id", b"Proxy", b"Proxy-Connection",
        b"Keep-Alive", b"Proxy-Authorization", b"TE", b"HTTP2-Settings",
    ],
)  # fmt: skip
async def test_such_a_name_never_reaches_a_node(name: bytes) -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET + name + b": planted\r\nKept: yes\r\nKept_Too: yes\r\n\r\n")
        head = node.heads[0]
        assert b"planted" not in head
        assert header(head, b"Kept") == [b"yes"]
        assert header(head, b"Kept_Too") == [b"yes"]


async def test_connection_takes_out_what_it_names_but_nothing_that_protects() -> None:
    node = Recorder()
    named = b"Connection: close, X-Hop, Cookie, Host, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"
    named += b", X-Request-Id, Content-Length, Via, Limpet-Key"
    async with proxied(node, {"forwarded": {"via": "edge"}}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(
            b"POST / HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\nX-Hop: 1\r\nx-hop: 2\r\nContent-Length: 4\r\n"
            + named + b"\r\n\r\nbody"
        )  # fmt: skip
        head, body = node.requests[0]
        assert body == b"body"
        assert not header(head, b"X-Hop")
        assert header(head, b"Cookie") == [b"a=1"]
        assert header(head, b"Host") == [b"x"]
        assert header(head, b"X-Forwarded-For") == [b"127.0.0.1"]
        assert header(head, b"X-Forwarded-Proto") == [b"http"]
        assert header(head, b"X-Forwarded-Host") == [b"x"]
        assert len(header(head, b"X-Request-Id")) == 1
        assert header(head, b"Via") == [b"1.1 edge"]
        assert header(head, b"Connection") == []


async def test_a_nodes_hop_by_hop_fields_stay_with_it() -> None:
    node = Recorder(
        ok(
            b"ok",
            b"Connection: keep-alive, X-Hop, Set-Cookie",
            b"X-Hop: 1",
            b"Keep-Alive: timeout=5",
            b"Proxy-Authenticate: Basic",
            b"Set-Cookie: a=1",
            b"Upgrade: h2c",
            b"Limpet-State: secret",
            b"limpet_version: 3",
            b"Kept: yes",
        )
    )
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(GET + b"\r\n")
        for name in (
            b"Connection",
            b"X-Hop",
            b"Keep-Alive",
            b"Proxy-Authenticate",
            b"Upgrade",
            b"Limpet-State",
        ):
            assert not header(head, name), name
        assert b"limpet_version" not in head
        assert header(head, b"Kept") == [b"yes"]
        assert header(head, b"Set-Cookie")[0] == b"a=1"


async def test_the_head_is_written_anew() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        await wire.exchange(
            b"GET /a%20b?c HTTP/1.1\r\nhost:x\r\nA:  1 \t\r\nB:\r\nA: 2\r\nContent-Length: 0\r\n\r\n"
        )
        lines = node.heads[0].split(b"\r\n")
        assert lines[0] == b"GET /a%20b?c HTTP/1.1"
        assert lines[1:5] == [b"Host: x", b"A: 1", b"B: ", b"A: 2"]
        assert b"Content-Length: 0" in lines
