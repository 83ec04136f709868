"""The head that a node is sent."""

from proxy.fields import request_kinds
from proxy.forwarding import Forwarding
from proxy.options import Limits
from proxy.outgoing import request_section
from proxy.request import read_fields
from proxy.routes import HeaderEdit, Route
from sessions.flags import RequestFlag
from sessions.visit import UNKNOWN, Visit
from tests.proxy.parts import service


def section_of(
    visit: Visit, *lines: bytes, edit: HeaderEdit | None = None, via: str | None = None
) -> list[bytes]:
    section = b"".join(line + b"\r\n" for line in (b"Host: h", *lines)) + b"\r\n"
    fields = read_fields(section, 1, request_kinds((b"mcp-session-id", b"x-other")), Limits())
    forwarding = Forwarding(via=via)
    route = Route(service("Mcp-Session-Id"), request_edit=edit)
    written = request_section(fields, route, visit, b"h", forwarding.peer("9.9.9.9"), forwarding)
    return [line for line in written.split(b"\r\n")[:-1] if not line.startswith(b"X-Forwarded-")]


def visit(cookie: bytes = b"", header: bytes = b"") -> Visit:
    return Visit("", UNKNOWN, RequestFlag.N, None, cookie, header)


def test_the_node_sees_the_visits_cookie_and_header_and_not_the_clients() -> None:
    lines = (b"Cookie: limpet_shop=t; a=b", b"Mcp-Session-Id: sealed", b"X-Other: theirs")
    assert section_of(visit(b"a=b", b"raw"), *lines) == [
        b"Host: h",
        b"Cookie: a=b",
        b"X-Other: theirs",
        b"Mcp-Session-Id: raw",
    ]
    assert section_of(visit(), *lines) == [b"Host: h", b"X-Other: theirs"]


def test_framing_and_expectation_are_written_anew() -> None:
    assert section_of(visit(), b"content-length: 007") == [b"Host: h", b"Content-Length: 7"]
    assert section_of(visit(), b"Transfer-Encoding: CHUNKED") == [b"Host: h", b"Transfer-Encoding: chunked"]
    assert section_of(visit(), b"Expect: 100-Continue")[-1] == b"Expect: 100-continue"
    upgrade = section_of(visit(), b"Connection: keep-alive, upgrade", b"Upgrade: websocket")
    assert upgrade == [b"Host: h", b"Connection: Upgrade", b"Upgrade: websocket"]


def test_a_route_sets_and_removes_whatever_the_spelling() -> None:
    edit = HeaderEdit([("X-Team", "shop")], ["Secret-Header"])
    lines = section_of(visit(), b"x_team: forged", b"SECRET-header: 1", b"A: b", edit=edit)
    assert lines == [b"Host: h", b"A: b", b"X-Team: shop"]


def test_via_is_passed_and_added_if_asked() -> None:
    assert section_of(visit(), b"Via: 1.0 a")[-1] == b"Via: 1.0 a"
    assert section_of(visit(), b"Via: 1.0 a", via="us")[-1] == b"Via: 1.0 a, 1.1 us"
