"""What a connection leaves for others is bounded, and means the same only where all of it is the same."""

import pytest

from proxy.faults import Malformed
from proxy.fields import request_kinds
from proxy.forwarding import Peer
from proxy.memory import Legacy, Memory
from proxy.options import Limits
from proxy.request import RequestFields
from proxy.routes import HeaderEdit, Route
from sessions.flags import RequestFlag
from sessions.token import Sealer, Token
from sessions.visit import Visit, stranger
from tests.proxy.parts import service

KINDS, LIMITS = request_kinds(), Limits()
LINES = (b"GET / HTTP/1.1", b"GET /other HTTP/1.1")
HERE = Peer("192.0.2.1", trusted=False, secure=False)


def section(number: int, more: bytes = b"") -> bytes:
    return b"Host: x\r\nX-Number: %d\r\n%b\r\n" % (number, more)


def read(legacy: Legacy, data: bytes) -> RequestFields:
    """By a connection with this one request."""
    memory = Memory(legacy)
    fields = ask(memory, data)
    memory.leave()
    return fields


def ask(memory: Memory, data: bytes, line: bytes = b"GET / HTTP/1.1\r\n") -> RequestFields:
    """A request on a connection."""
    head = line + data
    minor = memory.line(head + b"GET /next HTTP/1.1\r\n", len(head), LIMITS).minor
    return memory.fields(data, minor, KINDS, LIMITS)


def test_what_came_twice_is_known_to_the_next_connection() -> None:
    legacy = Legacy()
    first, second, third = (read(legacy, section(1)) for _ in range(3))
    assert first is not second is third
    assert read(legacy, section(2)) is not third


def test_the_same_bytes_mean_another_thing_in_another_version() -> None:
    legacy = Legacy()
    for _ in range(2):
        read(legacy, section(1))
    memory = Memory(legacy)
    assert ask(memory, section(1), b"GET / HTTP/1.0\r\n").minor == 0


def test_the_same_line_is_read_once_and_no_other_taken_for_it() -> None:
    memory = Memory(Legacy())
    first, again, other = (
        memory.line(data, len(data), LIMITS)
        for data in (
            b"GET /a?x HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /a?x HTTP/1.1\r\nHost: y\r\n\r\n",
            b"GET /a?xy HTTP/1.1\r\nHost: x\r\n\r\n",
        )
    )
    assert first is again
    assert other.target == b"/a?xy"


def test_another_connection_has_the_same_line_with_the_same_section() -> None:
    legacy = Legacy()
    for _ in range(2):
        read(legacy, section(1))
    heads = [line + b"\r\n" + section(1) for line in LINES for _ in (1, 2)]
    lines = [Memory(legacy).line(head, len(head), LIMITS) for head in heads]
    assert lines[0] is lines[1]
    assert [line.target for line in lines[2:]] == [b"/other"] * 2


def test_a_long_line_is_not_kept() -> None:
    memory = Memory(Legacy())
    data = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"x" * 512)
    assert memory.line(data, len(data), LIMITS) is not memory.line(data, len(data), LIMITS)


def test_a_long_section_is_not_left() -> None:
    legacy = Legacy()
    data = section(1, b"X-Long: %b\r\n" % (b"x" * 1024))
    for _ in range(3):
        read(legacy, data)
    assert legacy.find(data) is None


def test_only_so_many_are_kept() -> None:
    legacy = Legacy()
    for number in range(600):
        for _ in range(2):
            read(legacy, section(number))
    kept = sum(legacy.find(section(number)) is not None for number in range(600))
    assert 0 < kept <= 512
    legacy.clear()
    assert not any(legacy.find(section(number)) for number in range(600))


def written(memory: Memory, route: Route, visit: Visit, peer: Peer) -> bytes:
    fields = ask(memory, section(1))
    known = memory.section(fields, route, visit, b"x", peer)
    memory.keep_section(fields, route, visit, b"x", peer, b"as written for " + peer.address.encode())
    memory.leave()
    return known


def test_what_was_written_for_a_node_is_for_the_same_peer_only() -> None:
    legacy, visit = Legacy(), stranger(RequestFlag.N, b"", b"", 0)
    route = Route(service(), request_edit=HeaderEdit())
    for _ in range(2):
        assert written(Memory(legacy), route, visit, HERE) == b""
    again = Peer("192.0.2.1", trusted=False, secure=False)
    assert written(Memory(legacy), route, visit, again) == b"as written for 192.0.2.1"
    certified = Peer("192.0.2.1", trusted=False, secure=False)
    certified.certificate = b"X-Client: she\r\n"
    for other in (
        Peer("192.0.2.2", trusted=False, secure=False),
        Peer("192.0.2.1", trusted=True, secure=False),
        Peer("192.0.2.1", trusted=False, secure=True),
        certified,
    ):
        written(Memory(legacy), route, visit, HERE)
        assert written(Memory(legacy), route, visit, other) == b""


SEALER = Sealer([b"s" * 16], "shop", ["a"])
GIVEN = [SEALER.seal(Token("AAECAwQFBgcICQoLDA0ODw", 0, version, 7, 7, False)) for version in range(4)]


def asking(token: bytes, more: bytes = b"", name: bytes = b"Cookie") -> bytes:
    return b"Host: x\r\n%b: a=1; limpet_shop=%b; b=2\r\n%b\r\n" % (name, token, more)


def seen(token: bytes, version: int) -> Visit:
    opened = SEALER.open(token)
    assert opened is not None and opened.version == version
    return Visit(opened.id, 0, RequestFlag.V, opened, b"a=1; b=2", b"", sealed=token)


class Told:
    """A connection whose client has been given the second token."""

    def __init__(self) -> None:
        self.memory, self.service = Memory(Legacy()), service()
        fields = self.memory.fields(asking(GIVEN[0]), 1, KINDS, LIMITS)
        self.following = seen(GIVEN[1], 1)
        self.memory.foretell(self.service, fields, seen(GIVEN[0], 0), self.following)

    def read(self, data: bytes, minor: int = 1) -> RequestFields:
        return self.memory.fields(data, minor, KINDS, LIMITS)


def test_the_token_that_was_given_last_is_known_when_it_comes() -> None:
    told = Told()
    fields = told.read(asking(GIVEN[1]))
    assert told.memory.visit(told.service, fields, 8) is told.following
    others = told.read(asking(GIVEN[1]).replace(b"a=1", b"a=2"))
    assert told.memory.visit(told.service, others, 8) is not told.following


def everything(fields: RequestFields) -> dict[str, object]:
    said = {name: getattr(fields, name) for name in dir(fields) if not name.startswith("_")}
    return {name: value for name, value in said.items() if not callable(value)}


def test_sections_that_come_in_turn_differ_in_their_token_alone() -> None:
    told, kinds = Told(), (b"X: y\r\nConnection: x, close\r\n", b"Content-Length: 5\r\nVia: 1.1 z\r\n")
    plain = [told.read(asking(GIVEN[1], more)).plain for more in kinds]
    last = told.read(asking(GIVEN[1], kinds[1]))
    told.memory.foretell(told.service, last, told.following, seen(GIVEN[2], 2))
    for more, before in zip(kinds, plain, strict=True):
        fields = told.read(asking(GIVEN[2], more))
        assert fields.plain is before, "it was not read anew"
        assert everything(fields) == everything(Told().read(asking(GIVEN[2], more)))


def test_a_section_is_read_anew_where_anything_but_the_token_differs() -> None:
    told = Told()
    known = told.read(asking(GIVEN[1]))
    told.memory.foretell(told.service, known, told.following, seen(GIVEN[2], 2))
    for data in (
        asking(GIVEN[3]),
        asking(GIVEN[2], b"X: y\r\n"),
        asking(GIVEN[2], b"X: %b\r\n" % GIVEN[2]),
        asking(GIVEN[2], name=b"X-Cookie"),
        asking(GIVEN[2]).replace(b"a=1", b"a=2"),
        b"Host: x\r\nCookie: a=1; limpet_shop=; b=%b\r\n\r\n" % GIVEN[2],
    ):
        fields = told.read(data)
        assert everything(fields) == everything(Memory(Legacy()).fields(data, 1, KINDS, LIMITS))
    with pytest.raises(Malformed):
        told.read(asking(b"\0", b"X: %b\r\n" % GIVEN[2]))
    assert told.read(asking(GIVEN[2]), 0).minor == 0


def test_what_was_written_for_a_node_holds_for_the_next_token() -> None:
    told, route = Told(), Route(service(), request_edit=HeaderEdit())
    fields = told.read(asking(GIVEN[1]))
    told.memory.keep_section(fields, route, told.following, b"x", HERE, b"as written")
    following = seen(GIVEN[2], 2)
    told.memory.foretell(told.service, fields, told.following, following)
    fields = told.read(asking(GIVEN[2]))
    assert told.memory.section(fields, route, following, b"x", HERE) == b"as written"
    shown = following._replace(cookie=b"a=1")
    for other in (
        (fields, route, shown, b"x", HERE),
        (fields, route, following, b"y", HERE),
        (fields, Route(service(), request_edit=HeaderEdit()), following, b"x", HERE),
        (fields, route, following, b"x", Peer("192.0.2.2", trusted=False, secure=False)),
        (Memory(Legacy()).fields(asking(GIVEN[2]), 1, KINDS, LIMITS), route, following, b"x", HERE),
    ):
        assert told.memory.section(*other) == b""


def test_a_reload_forgets_what_was_foretold() -> None:
    told = Told()
    fields = told.read(asking(GIVEN[1]))
    told.memory.clear()
    assert told.read(asking(GIVEN[1])) is not fields
    assert told.memory.visit(told.service, told.read(asking(GIVEN[1])), 8) is not told.following
