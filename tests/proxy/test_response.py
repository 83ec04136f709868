"""A node's response head, held to the same grammar."""

import pytest

from proxy.faults import NodeFault
from proxy.fields import response_kinds
from proxy.options import Limits
from proxy.response import ResponseHead, read_again, read_head

LIMITS = Limits(headers=5, line=200)
KINDS = response_kinds((b"mcp-session-id",))


def head_of(*lines: bytes) -> ResponseHead:
    return read_head(b"".join(line + b"\r\n" for line in lines) + b"\r\n", KINDS, LIMITS)


def test_what_is_understood() -> None:
    head = head_of(
        b"HTTP/1.1 200 All right", b"Content-Length: 5", b"Set-Cookie: a=b", b"X: y ", b"Limpet-State: z"
    )
    assert (head.status, head.length, head.set_cookies) == (200, 5, [b"a=b"])
    assert head.passed == b"X: y\r\n"
    assert head.ready == b"HTTP/1.1 200 All right\r\nX: y\r\nContent-Length: 5\r\n\r\n"
    assert not head.simple
    assert not head.close


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 599 \xe9\t!"])
def test_a_reason_is_free_and_may_be_missing(line: bytes) -> None:
    assert head_of(line).line.startswith(line[:12] + b" ")


def test_the_connection_is_kept_by_version_and_word() -> None:
    assert head_of(b"HTTP/1.0 200 OK").close
    assert not head_of(b"HTTP/1.0 200 OK", b"Connection: Keep-Alive").close
    assert head_of(b"HTTP/1.1 200 OK", b"Connection: X, close", b"X: y").close
    assert head_of(b"HTTP/1.1 200 OK", b"Connection: X, close", b"X: y").passed == b""
    assert head_of(b"HTTP/1.1 200 OK", b"Keep-Alive: timeout=5, max=9").idle_seconds == 5
    assert head_of(b"HTTP/1.1 200 OK", b"Keep-Alive: timeout=x").idle_seconds == -1


@pytest.mark.parametrize(
    "lines",
    [
        (b"HTTP/1.1 600 X",),
        (b"HTTP/1.1 099 X",),
        (b"HTTP/1.1 20 X",),
        (b"HTTP/1.1 2000 X",),
        (b"HTTP/2 200 X",),
        (b"HTTP/1.2 200 X",),
        (b"http/1.1 200 X",),
        (b"HTTP/1.1  200 X",),
        (b"HTTP/1.1 200 X\x00",),
        (b"HTTP/1.1 200 X", b"A : b"),
        (b"HTTP/1.1 200 X", b" folded"),
        (b"HTTP/1.1 200 X", b"A: \x01"),
        (b"HTTP/1.1 200 X", b"Content-Length: 1", b"Content-Length: 1"),
        (b"HTTP/1.1 200 X", b"Content-Length: -1"),
        (b"HTTP/1.1 200 X", b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        (b"HTTP/1.1 200 X", b"Transfer-Encoding: gzip, chunked"),
        (b"HTTP/1.1 200 X", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        (b"HTTP/1.0 200 X", b"Transfer-Encoding: chunked"),
        (b"HTTP/1.1 200 X", *[b"A: b"] * 6),
        (b"HTTP/1.1 200 X", b"A: " + b"b" * 200),
    ],
)
def test_what_is_not_believed(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(NodeFault) as caught:
        head_of(*lines)
    assert (caught.value.status, caught.value.reason) == (502, "bad_response")


ROOM = Limits(headers=6, line=200)
START = (b"HTTP/1.1 200 OK", b"X: y", b"Content-Length: 2")


def section(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def roomy(*lines: bytes) -> ResponseHead:
    return read_head(section(*lines), KINDS, ROOM)


def everything(head: ResponseHead) -> dict[str, object]:
    """But for its session."""
    said = {name: getattr(head, name) for name in dir(head) if not name.startswith("_")}
    return {k: v for k, v in said.items() if not callable(v) and k not in ("raw", "limpet")}


@pytest.mark.parametrize(
    "lines",
    [
        (b"limpet-version: 8",),
        (b"Limpet-Version: 8", b"Limpet-State: eyJ9"),
        (b"limpet-state: eyJ9", b"limpet-version: 9007199254740991"),
    ],
)
def test_another_version_and_state_are_read_as_if_all_were(lines: tuple[bytes, ...]) -> None:
    first = roomy(*START, b"limpet-version: 7", b"limpet-state: e30=")
    raw = section(*START, *lines)
    again = read_again(first, raw, ROOM)
    assert again == [tuple(line.split(b": ")) for line in lines]
    whole = read_head(raw, KINDS, ROOM)
    assert whole.limpet == again
    assert everything(whole) == everything(first)


@pytest.mark.parametrize(
    "lines",
    [
        (b"HTTP/1.1 201 OK", *START[1:], b"limpet-version: 8"),
        (*START[:2], b"Content-Length: 3", b"limpet-version: 8"),
        (*START, b"Set-Cookie: a=b", b"limpet-version: 8"),
        (*START, b"limpet-version: 8", b"Set-Cookie: a=b"),
        (*START, b"limpet-version: 8", b"limpet-need: state"),
        (*START, b"limpet-version:8"),
        (*START, b"limpet-version: 8 "),
        (*START, b"limpet-version : 8"),
        (*START, b"limpet-version: 8", b"limpet-version: 9", b"limpet-version: 10", b"x"),
        (*START, b"limpet-state: " + b"x" * 200),
        (*START,),
    ],
)
def test_whatever_else_differs_all_of_it_is_read(lines: tuple[bytes, ...]) -> None:
    assert read_again(roomy(*START, b"limpet-version: 7"), section(*lines), ROOM) is None


def test_where_another_field_is_last_all_of_it_is_read() -> None:
    first = roomy(b"HTTP/1.1 200 OK", b"limpet-version: 7", b"X: y")
    assert not first.before
    raw = section(b"HTTP/1.1 200 OK", b"limpet-version: 8", b"X: y")
    assert read_again(first, raw, ROOM) is None


def test_where_there_is_no_room_for_more_fields_all_of_it_is_read() -> None:
    assert not head_of(*START, b"limpet-version: 7").before
