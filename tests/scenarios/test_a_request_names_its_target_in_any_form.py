"""Origin-form, absolute-form and `*`; what counts its hops; and CONNECT, which is refused."""

import pytest

from tests.scenarios.harness import Recorder, header, proxied


@pytest.mark.parametrize(
    ("line", "seen", "host"),
    [
        (b"GET http://shop.example/a?b HTTP/1.1", b"GET /a?b HTTP/1.1", b"shop.example"),
        (b"GET http://shop.example:81 HTTP/1.1", b"GET / HTTP/1.1", b"shop.example:81"),
        (b"GET https://shop.example?q HTTP/1.1", b"GET /?q HTTP/1.1", b"shop.example"),
        (b"OPTIONS http://shop.example HTTP/1.1", b"OPTIONS * HTTP/1.1", b"shop.example"),
        (b"OPTIONS * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"x"),
        (b"GET //double HTTP/1.1", b"GET //double HTTP/1.1", b"x"),
    ],
)
async def test_forms(line: bytes, seen: bytes, host: bytes) -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        assert (await wire.exchange(line + b"\r\nHost: x\r\n\r\n"))[1] == b"ok"
        assert node.heads[0].startswith(seen + b"\r\n")
        assert header(node.heads[0], b"Host") == [host]
        assert header(node.heads[0], b"X-Forwarded-Host") == [host]


@pytest.mark.parametrize("method", [b"TRACE", b"OPTIONS"])
async def test_hops_are_counted_and_the_last_one_answers(method: bytes) -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        request_bytes = (
            method
            + b" /a HTTP/1.1\r\nHost: x\r\nAuthorization: secret\r\nCookie: c=1\r\nA: b\r\nMax-Forwards: "
        )
        await wire.exchange(request_bytes + b"3\r\n\r\n")
        assert header(node.heads[0], b"Max-Forwards") == [b"2"]
        head, body = await wire.exchange(request_bytes + b"0\r\n\r\n")
        assert len(node.requests) == 1
        if method == b"TRACE":
            assert header(head, b"Content-Type") == [b"message/http"]
            assert body.startswith(b"TRACE /a HTTP/1.1\r\nHost: x\r\n")
            assert b"A: b\r\n" in body
            assert b"secret" not in body
            assert b"c=1" not in body
        else:
            assert header(head, b"Allow")
        assert (await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == b"ok"


async def test_other_methods_do_not_count() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        assert (await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n"))[1] == b"ok"
        assert header(node.heads[0], b"Max-Forwards") == [b"0"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", b"501"),
        (b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET shop.example/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET http://user@shop.example/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", b"400"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: -1\r\n\r\n", b"400"),
    ],
)
async def test_what_is_refused(request_bytes: bytes, status: bytes) -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        answer = await proxy.ask(request_bytes)
        assert answer[9:12] == status
        assert node.requests == []
