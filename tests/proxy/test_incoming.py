"""The head that a client is sent."""

import pytest

from proxy.fields import response_kinds
from proxy.incoming import response_section
from proxy.options import Limits
from proxy.response import ResponseHead, read_head
from proxy.routes import HeaderEdit
from sessions.flags import ResponseFlag
from sessions.visit import Answer

NOTHING = Answer([], b"", ResponseFlag.N, False)
TOKEN = Answer([b"t=1"], b"", ResponseFlag.I, True)
NO_EDIT = HeaderEdit()


def head_of(*lines: bytes) -> ResponseHead:
    head = b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", *lines)) + b"\r\n"
    return read_head(head, response_kinds((b"mcp-session-id",)), Limits())


def section_of(answer: Answer, *lines: bytes, edit: HeaderEdit = NO_EDIT, via: bytes = b"") -> list[bytes]:
    return response_section(head_of(*lines), answer, b"mcp-session-id", edit, via).split(b"\r\n")[:-1]


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ((), b"private"),
        ((b"Cache-Control: public, max-age=60",), b"private, max-age=60"),
        ((b"Cache-Control: PUBLIC", b"cache-control: s-maxage=9, immutable"), b"private, immutable"),
        ((b'Cache-Control: private="a, b", no-cache',), b"private, no-cache"),
        ((b"Cache-Control: no-store",), b"no-store"),
        ((b"Cache-Control: public, No-Store",), b"No-Store"),
    ],
)
def test_an_answer_with_a_token_is_for_one_client_alone(said: tuple[bytes, ...], becomes: bytes) -> None:
    shared = (b"Expires: x", b"CDN-Cache-Control: y", b"Surrogate-Control: z")
    lines = section_of(TOKEN, *said, *shared)
    assert sorted(lines) == [b"Cache-Control: " + becomes, b"Set-Cookie: t=1"]


def test_what_is_known_of_one_answer_makes_no_other_private() -> None:
    head = head_of(b"Cache-Control: public", b"X: y")
    for _ in range(2):
        said = [response_section(head, answer, b"", NO_EDIT, b"") for answer in (NOTHING, TOKEN, NOTHING)]
        assert said[0] == said[2] == b"Cache-Control: public\r\nX: y\r\n"
        assert said[1] == b"X: y\r\nCache-Control: private\r\nSet-Cookie: t=1\r\n"


def test_not_even_a_route_makes_a_token_public() -> None:
    edit = HeaderEdit([("Cache-Control", "public, max-age=60")])
    assert section_of(TOKEN, edit=edit) == [b"Cache-Control: private, max-age=60", b"Set-Cookie: t=1"]


def test_an_answer_without_a_token_keeps_what_it_said() -> None:
    lines = (b"Cache-Control: public", b"Expires: x")
    assert section_of(NOTHING, *lines) == list(lines)


def test_the_wrapped_header_takes_the_place_of_the_nodes() -> None:
    sealed = NOTHING._replace(header=b"sealed")
    assert section_of(sealed, b"Mcp-Session-Id: raw") == [b"Mcp-Session-Id: sealed"]
    assert section_of(NOTHING, b"Mcp-Session-Id: raw") == []


def test_a_route_edits_and_via_is_added_behind_what_was_there() -> None:
    edit = HeaderEdit([("Server", "limpet")], ["X_Gone"])
    lines = section_of(NOTHING, b"server: x", b"X-Gone: 1", b"Via: 1.1 a", edit=edit, via=b"us")
    assert lines == [b"Server: limpet", b"Via: 1.1 a, 1.1 us"]
