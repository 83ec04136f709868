"""The grammar of heads: what is valid is understood, and what is accepted means the same to everybody."""

import time

import h11
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proxy.faults import Malformed, NodeFault
from proxy.fields import request_kinds, response_kinds, write_fields
from proxy.grammar import FORBIDDEN
from proxy.options import Limits
from proxy.request import RequestFields, RequestLine, read_fields, read_line
from proxy.response import ResponseHead, read_head
from tests.fuzz.strategies import (
    FIELDS,
    FRAMINGS,
    TARGETS,
    TOKENS,
    garbled,
    with_weighty_lines,
    written_fields,
)

LIMITS = Limits()
REQUEST_KINDS = request_kinds()
RESPONSE_KINDS = response_kinds()
END = b"\r\n\r\n"

Fields = list[tuple[bytes, bytes]]


@st.composite
def request_heads(draw: st.DrawFn) -> bytes:
    line = b"%b %b HTTP/1.1\r\n" % (
        draw(TOKENS),
        draw(TARGETS | TARGETS.map(lambda path: b"http://b.example" + path)),
    )
    framing = draw(FRAMINGS)
    lines = [
        b"Host: a.example\r\n",
        framing + b"\r\n" if framing else b"",
        draw(written_fields(draw(FIELDS))),
    ]
    return line + b"".join(draw(st.permutations(lines))) + b"\r\n"


@st.composite
def response_heads(draw: st.DrawFn) -> bytes:
    reason = draw(st.sampled_from([b"", b" ", b" OK", b" Not \xe4 Word"]))
    framing = draw(FRAMINGS)
    lines = [framing + b"\r\n" if framing else b"", draw(written_fields(draw(FIELDS)))]
    return b"HTTP/1.1 %d%b\r\n%b\r\n" % (draw(st.integers(200, 599)), reason, b"".join(lines))


def understood(wire: bytes) -> tuple[RequestLine, RequestFields, bytes]:
    """Line, fields, and what comes after the head. Raises Malformed."""
    end = wire.find(END) + 4
    if end < 4:
        raise Malformed(400, "unfinished", "There is no end.")
    line = read_line(wire[:end], LIMITS)
    return line, read_fields(wire[line.size : end], line.minor, REQUEST_KINDS, LIMITS), wire[end:]


def written(line: RequestLine, fields: RequestFields) -> bytes:
    """The request as it would be passed on, with nothing added."""
    framing = b"Content-Length: %d\r\n" % fields.length if fields.length >= 0 else b""
    framing = b"Transfer-Encoding: chunked\r\n" if fields.chunked else framing
    host = b"Host: %b\r\n" % (line.authority or fields.host or b"unknown")
    return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (line.method, line.target, host, framing, fields.passed)


def meaning(line: RequestLine, fields: RequestFields) -> tuple[object, ...]:
    return line.method, line.target, line.path, fields.length, fields.chunked, fields.plain


def check_lone_fields(wire: bytes, hosts: int = 1) -> None:
    """What decides where a request ends, and whose it is, was said once."""
    head = wire.partition(END)[0].split(b"\r\n")[1:]
    names = [line.partition(b":")[0].lower() for line in head]
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert names.count(b"host") <= hosts


@settings(max_examples=200, deadline=None)
@given(st.data(), TOKENS, TARGETS, FIELDS)
def test_a_valid_request_is_understood(
    data: st.DataObject, method: bytes, target: bytes, plain: Fields
) -> None:
    assume(method != b"CONNECT")
    head = b"%b %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (method, target, data.draw(written_fields(plain)))
    line, fields, rest = understood(head + b"rest")
    assert (line.method, line.target, fields.plain, rest) == (method, target, plain, b"rest")


@settings(max_examples=200, deadline=None)
@given(request_heads())
def test_no_part_of_a_valid_head_is_refused_early(wire: bytes) -> None:
    understood(wire)
    assert not any(FORBIDDEN.search(wire[:end]) for end in range(len(wire) + 1))


@settings(max_examples=400, deadline=None)
@given(garbled(request_heads()) | with_weighty_lines(request_heads()))
def test_what_is_accepted_means_the_same_when_written_anew(wire: bytes) -> None:
    try:
        line, fields, _ = understood(wire)
    except Malformed as fault:
        assert fault.status in (400, 414, 417, 431, 501, 505)
        return
    check_lone_fields(wire)
    again = written(line, fields)
    assert meaning(*understood(again)[:2]) == meaning(line, fields)
    assert written(*understood(again)[:2]) == again


@settings(max_examples=400, deadline=None)
@given(garbled(request_heads()) | with_weighty_lines(request_heads()))
def test_what_is_accepted_is_read_alike_by_h11(wire: bytes) -> None:
    """h11 is the strictest of the other readers: it must see the same request, and the same end of it."""
    try:
        line, fields, rest = understood(wire)
    except Malformed:
        return
    assume(fields.minor == 1 and not line.authority and rest == b"")
    node = h11.Connection(h11.SERVER)
    node.receive_data(written(line, fields))
    event = node.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.target) == (line.method, line.target)
    passed = [(name.lower(), value) for name, value in fields.plain]
    received = [
        (name, value)
        for name, value in event.headers
        if name not in (b"host", b"content-length", b"transfer-encoding")
    ]
    assert received == passed
    body_follows = fields.chunked or fields.length > 0
    assert (node.next_event() is h11.NEED_DATA) == body_follows


@settings(max_examples=300, deadline=None)
@given(response_heads())
def test_a_valid_answer_is_understood(wire: bytes) -> None:
    head = read_head(wire, RESPONSE_KINDS, LIMITS)
    assert head.status == int(wire[9:12])
    assert not any(FORBIDDEN.search(wire[:end]) for end in range(len(wire) + 1))


def answered(head: ResponseHead) -> bytes:
    framing = b"Content-Length: %d\r\n" % head.length if head.length >= 0 else b""
    framing = b"Transfer-Encoding: chunked\r\n" if head.chunked else framing
    return b"%b%b%b\r\n" % (head.line, framing, write_fields(head.plain))


@settings(max_examples=400, deadline=None)
@given(garbled(response_heads()) | with_weighty_lines(response_heads()))
def test_an_accepted_answer_means_the_same_when_written_anew(wire: bytes) -> None:
    end = wire.find(END) + 4
    assume(end >= 4)
    try:
        head = read_head(wire[:end], RESPONSE_KINDS, LIMITS)
    except NodeFault as fault:
        assert fault.status == 502
        return
    check_lone_fields(wire[:end], hosts=5)
    again = read_head(answered(head), RESPONSE_KINDS, LIMITS)
    assert (again.status, again.length, again.chunked, again.plain) == (
        head.status,
        head.length,
        head.chunked,
        head.plain,
    )


@pytest.mark.parametrize(
    "filler", [b"a" * 8000, b" " * 8000, b"%41" * 2600, b"a=b&" * 2000, b"[" * 8000, b":" * 8000]
)
@pytest.mark.parametrize(
    "shape",
    [b"GET /%b\x00", b"GET / HTTP/1.1\r\nX:%b\x00", b"GET http://%b\x00", b"GET / HTTP/1.1\r\n%b\x00"],
)
def test_long_heads_are_refused_in_linear_time(shape: bytes, filler: bytes) -> None:
    """4 times the length takes about 4 times as long: nothing backtracks (h11 counts steps likewise)."""

    def seconds(text: bytes) -> float:
        wire, begun = shape % text + END, time.process_time()
        for _ in range(20):
            with pytest.raises(Malformed):
                understood(wire)
        return time.process_time() - begun

    short = min(seconds(filler) for _ in range(3))
    long = min(seconds(filler * 8) for _ in range(3))
    assert long < 40 * short + 0.01
