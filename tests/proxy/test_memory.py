"""What a connection leaves for others is bounded, and means the same only where all of it is the same."""

from proxy.fields import request_kinds
from proxy.forwarding import Peer
from proxy.memory import Legacy, Memory
from proxy.options import Limits
from proxy.request import RequestFields
from proxy.routes import HeaderEdit, Route
from sessions.flags import RequestFlag
from sessions.visit import Visit, stranger
from tests.proxy.parts import service

KINDS, LIMITS = request_kinds(), Limits()
HERE = Peer("192.0.2.1", trusted=False, secure=False)


def section(number: int, more: bytes = b"") -> bytes:
    return b"Host: x\r\nX-Number: %d\r\n%b\r\n" % (number, more)


def read(legacy: Legacy, data: bytes) -> RequestFields:
    """By a connection with this one request."""
    memory = Memory(legacy)
    fields = memory.fields(data, 1, KINDS, LIMITS)
    memory.leave()
    return fields


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
    assert memory.fields(section(1), 0, KINDS, LIMITS).minor == 0


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
    fields = memory.fields(section(1), 1, KINDS, LIMITS)
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
