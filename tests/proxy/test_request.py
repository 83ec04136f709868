"""A request's head, read by the grammar."""

import pytest

from proxy.faults import Malformed
from proxy.fields import MOST_NAMES, request_kinds
from proxy.options import Limits
from proxy.request import RequestFields, RequestLine, read_fields, read_line

LIMITS = Limits(headers=5, line=200)
KINDS = request_kinds((b"mcp-session-id",), b"x-request-id")


def line_of(text: bytes) -> RequestLine:
    return read_line(text + b"\r\n\r\n", LIMITS)


def fields_of(*lines: bytes, minor: int = 1) -> RequestFields:
    return read_fields(b"".join(line + b"\r\n" for line in lines) + b"\r\n", minor, KINDS, LIMITS)


@pytest.mark.parametrize(
    ("text", "method", "target", "path", "authority"),
    [
        (b"GET / HTTP/1.1", b"GET", b"/", b"/", b""),
        (b"GET /a/b?c=%20#".rstrip(b"#") + b" HTTP/1.1", b"GET", b"/a/b?c=%20", b"/a/b", b""),
        (b"PROPFIND //x HTTP/1.0", b"PROPFIND", b"//x", b"//x", b""),
        (b"GET /?f[a]=b|c{d}^` HTTP/1.1", b"GET", b"/?f[a]=b|c{d}^`", b"/", b""),
        (b"GET http://h:80/p?q HTTP/1.1", b"GET", b"/p?q", b"/p", b"h:80"),
        (b"GET HTTP://h?q HTTP/1.1", b"GET", b"/?q", b"/", b"h"),
        (b"GET http://[::1]:8080 HTTP/1.1", b"GET", b"/", b"/", b"[::1]:8080"),
        (b"OPTIONS * HTTP/1.1", b"OPTIONS", b"*", b"*", b""),
        (b"OPTIONS http://h HTTP/1.1", b"OPTIONS", b"*", b"/", b"h"),
        (b"!#$%&'*+-.^_`|~09aZ / HTTP/1.1", b"!#$%&'*+-.^_`|~09aZ", b"/", b"/", b""),
    ],
)
def test_what_is_understood(text: bytes, method: bytes, target: bytes, path: bytes, authority: bytes) -> None:
    line = line_of(text)
    assert (line.method, line.target, line.path, line.authority) == (method, target, path, authority)
    assert line.size == len(text) + 2


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET /%zz HTTP/1.1", 400),
        (b"GET /a#b HTTP/1.1", 400),
        (b"GET /\xc3\xa9 HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET h:80 HTTP/1.1", 400),
        (b"GET ftp://h/ HTTP/1.1", 400),
        (b"GET http://u@h/ HTTP/1.1", 400),
        (b"GET http:///p HTTP/1.1", 400),
        (b"GET http://h:99999/ HTTP/1.1", 400),
        (b"GET http://[::1/ HTTP/1.1", 400),
        (b"GET http://[:::]/ HTTP/1.1", 400),
        (b"G@T / HTTP/1.1", 400),
        (b"GET / http/1.1", 400),
        (b"GET / HTTP/1.2", 505),
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"CONNECT h:80 HTTP/1.1", 501),
        (b"CONNECT / HTTP/1.1", 501),
        (b"A" * 33 + b" / HTTP/1.1", 501),
        (b"GET /" + b"a" * 200 + b" HTTP/1.1", 414),
    ],
)
def test_what_is_refused(text: bytes, status: int) -> None:
    with pytest.raises(Malformed) as caught:
        line_of(text)
    assert caught.value.status == status


def test_each_field_finds_its_place() -> None:
    fields = fields_of(
        b"Host: h:80", b"Cookie: a=b", b"cookie:\t c=d \t", b"Content-Length: 3", b"Accept:*/*"
    )
    assert (fields.host, fields.cookie, fields.length) == (b"h:80", b"a=b; c=d", 3)
    assert fields.passed == b"Accept: */*\r\n"
    assert fields.find(b"accept") == b"*/*"
    assert fields.find(b"cookie") == b""


@pytest.mark.parametrize(
    "line",
    [
        b"Limpet-Session: x",
        b"LIMPET_SESSION: x",
        b"Keep-Alive: 5",
        b"Proxy: x",
        b"TE: trailers",
        b"X_Forwarded_For: 1.2.3.4",
        b"Content_Length: 5",
        b"Mcp_Session_Id: x",
        b"X_Request_Id: x",
        b"Transfer_Encoding: chunked",
    ],
)
def test_what_never_reaches_a_node_is_taken_out(line: bytes) -> None:
    fields = fields_of(b"Host: h", line)
    assert (fields.passed, fields.plain, fields.affinity, fields.forwarding) == (b"", [], [], [])
    assert (fields.length, fields.chunked, fields.request_id) == (-1, False, b"")


def test_connection_takes_out_what_it_names_but_nothing_that_is_protected() -> None:
    fields = fields_of(
        b"Host: h",
        b"Connection: Close, X-Gone, cookie, host, x-forwarded-for",
        b"Cookie: a=b",
        b"x-gone: 1",
        b"X-Forwarded-For: 1.2.3.4",
    )
    assert (fields.close, fields.plain, fields.cookie) == (True, [], b"a=b")
    assert fields.forwarding == [(b"X-Forwarded-For", b"1.2.3.4")]


def test_an_upgrade_needs_both_fields_no_body_and_never_is_h2c() -> None:
    both = (b"Host: h", b"Connection: Upgrade", b"Upgrade: h2c, websocket")
    assert fields_of(*both).upgrade == b"websocket"
    assert fields_of(*both, minor=0).upgrade == b""
    assert fields_of(*both, b"Content-Length: 1").upgrade == b""
    assert fields_of(*both, b"Transfer-Encoding: chunked").upgrade == b""
    assert fields_of(b"Host: h", b"Upgrade: websocket").upgrade == b""


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), 400),
        ((b"Host: a", b"Host: a"), 400),
        ((b"Host:",), 400),
        ((b"Host: a b",), 400),
        ((b"Host: a/b",), 400),
        ((b"Host: h:80:80",), 400),
        ((b"Host: h", b"Content-Length: 1", b"Content-Length: 1"), 400),
        ((b"Host: h", b"Content-Length: 1, 1"), 400),
        ((b"Host: h", b"Content-Length: +1"), 400),
        ((b"Host: h", b"Content-Length: 0x1"), 400),
        ((b"Host: h", b"Content-Length:"), 400),
        ((b"Host: h", b"Content-Length: " + b"9" * 19), 400),
        ((b"Host: h", b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
        ((b"Host: h", b"Transfer-Encoding: chunked, chunked"), 400),
        ((b"Host: h", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
        ((b"Host: h", b"Transfer-Encoding: chunked, gzip"), 400),
        ((b"Host: h", b"Transfer-Encoding: gzip, chunked"), 501),
        ((b"Host: h", b"Transfer-Encoding: xchunked"), 501),
        ((b"Host: h", b"Transfer-Encoding:"), 400),
        ((b"Host: h", b"Transfer-Encoding: chunked,"), 400),
        ((b"Host: h", b'Transfer-Encoding: "chunked"'), 400),
        ((b"Host: h", b"Expect: 200-maybe"), 417),
        ((b"Host: h", b"A : b"), 400),
        ((b"Host: h", b" A: b"), 400),
        ((b"Host: h", b"A: b\x00"), 400),
        ((b"Host: h", b"A: b\rc"), 400),
        ((b"Host: h", b"A: b\nc"), 400),
        ((b"Host: h", b": b"), 400),
        ((b"Host: h", b"A"), 400),
        ((b"Host: h", *[b"A: b"] * 5), 431),
        ((b"Host: h", b"A: " + b"b" * 200), 431),
    ],
)
def test_fields_that_are_refused(lines: tuple[bytes, ...], status: int) -> None:
    with pytest.raises(Malformed) as caught:
        fields_of(*lines)
    assert caught.value.status == status


def test_http_1_0_may_do_without_host_but_not_with_chunks() -> None:
    assert fields_of(minor=0).host == b""
    with pytest.raises(Malformed):
        fields_of(b"Transfer-Encoding: chunked", minor=0)
    assert fields_of(b"Expect: 100-continue", minor=0).expects_continue is False


def test_names_are_remembered_but_not_without_bound() -> None:
    kinds = request_kinds()
    for number in range(2 * MOST_NAMES):
        assert not kinds[b"x-%d" % number]
    assert len(kinds) <= MOST_NAMES
