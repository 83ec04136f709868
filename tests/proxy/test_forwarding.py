"""What nodes are told about the client, and whom Limpet believes."""

from ipaddress import ip_network

import pytest

from proxy.fields import request_kinds
from proxy.forwarding import Forwarding
from proxy.options import Limits
from proxy.request import RequestFields, read_fields

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def fields_of(*lines: bytes) -> RequestFields:
    section = b"".join(line + b"\r\n" for line in (b"Host: h", *lines)) + b"\r\n"
    return read_fields(section, 1, request_kinds((), b"x-request-id"), Limits())


def lines_of(forwarding: Forwarding, address: str, *lines: bytes) -> list[bytes]:
    fields = fields_of(*lines)
    return forwarding.lines(forwarding.peer(address), fields, b"h").split(b"\r\n")[:-1]


def test_a_stranger_is_not_believed() -> None:
    said = (
        b"X-Forwarded-For: 1.1.1.1",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Port: 1",
        b"X-Real-IP: 2.2.2.2",
    )
    assert lines_of(Forwarding(trusted=TRUSTED), "9.9.9.9", *said, b"Forwarded: for=x") == [
        b"X-Forwarded-For: 9.9.9.9",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Host: h",
    ]


def test_a_trusted_proxy_is_added_to() -> None:
    said = (
        b"X-Forwarded-For: 1.1.1.1",
        b"x-forwarded-for: 2.2.2.2",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Port: 1",
    )
    assert lines_of(Forwarding(trusted=TRUSTED), "10.1.2.3", *said) == [
        b"X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.1.2.3",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: h",
        b"X-Forwarded-Port: 1",
    ]


def test_rfc_7239_instead() -> None:
    forwarding = Forwarding("forwarded", TRUSTED)
    assert lines_of(forwarding, "9.9.9.9", b"Forwarded: for=1.1.1.1", b"X-Forwarded-For: 1.1.1.1") == [
        b'Forwarded: for=9.9.9.9;host="h";proto=http'
    ]
    assert lines_of(forwarding, "fd00::1", b"Forwarded: for=1.1.1.1") == [
        b'Forwarded: for=1.1.1.1, for="[fd00::1]";host="h";proto=http'
    ]


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("9.9.9.9", b"1.1.1.1", "9.9.9.9"),
        ("10.0.0.1", b"1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", b"6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", b"nonsense", "10.0.0.1"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.1", b"1.1.1.1", "1.1.1.1"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_trusted_proxy(peer: str, chain: bytes, client: str) -> None:
    forwarding = Forwarding(trusted=TRUSTED)
    assert forwarding.client_address(forwarding.peer(peer), fields_of(b"X-Forwarded-For: " + chain)) == client


@pytest.mark.parametrize(
    ("peer", "lines", "secure"),
    [
        ("9.9.9.9", (b"X-Forwarded-Proto: https",), False),
        ("10.0.0.1", (b"X-Forwarded-Proto: https",), True),
        ("10.0.0.1", (b"X-Forwarded-Proto: http",), False),
        ("10.0.0.1", (b"Forwarded: for=x;proto=https",), True),
        ("10.0.0.1", (), False),
    ],
)
def test_https_is_known_from_trusted_proxies_alone(peer: str, lines: tuple[bytes, ...], secure: bool) -> None:
    forwarding = Forwarding(trusted=TRUSTED)
    assert forwarding.secure(forwarding.peer(peer), fields_of(*lines)) is secure


def test_a_request_id_is_made_unless_a_trusted_proxy_gives_a_good_one() -> None:
    forwarding = Forwarding(trusted=TRUSTED)
    fields = fields_of(b"X-Request-Id: abc-1")
    assert forwarding.id_of(forwarding.peer("10.0.0.1"), fields) == b"abc-1"
    made = [forwarding.id_of(forwarding.peer("9.9.9.9"), fields) for _ in range(3)]
    assert len({*made, b"abc-1"}) == 4
    evil = fields_of(b"X-Request-Id: a b\xff")
    assert forwarding.id_of(forwarding.peer("10.0.0.1"), evil) != b"a b\xff"
