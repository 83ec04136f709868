"""PROXY headers: strict, and the same however they are cut."""

import pytest

from proxy.faults import Malformed
from proxy.proxy_protocol import SIGNATURE, Origin, crc32c, read_origin

INET = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + (4711).to_bytes(2) + (443).to_bytes(2)
INET6 = bytes.fromhex("20010db8" + "00" * 11 + "07") + bytes(16) + bytes(4)


def binary(command: int = 0x21, family: int = 0x11, rest: bytes = INET, size: int = -1) -> bytes:
    return SIGNATURE + bytes([command, family]) + (len(rest) if size < 0 else size).to_bytes(2) + rest


def more(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2) + value


def summed(header: bytes) -> bytes:
    """With the checksum in its last four bytes."""
    return header[:-4] + crc32c(header).to_bytes(4)


GOOD = [
    (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n", "192.0.2.7", False),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255", False),
    (b"PROXY TCP6 2001:DB8::7 ::1 0 443\r\n", "2001:db8::7", False),
    (b"PROXY UNKNOWN\r\n", "", False),
    (b"PROXY UNKNOWN whatever stands here\r\n", "", False),
    (binary(), "192.0.2.7", False),
    (binary(family=0x21, rest=INET6), "2001:db8::7", False),
    (binary(family=0x31, rest=bytes(216)), "", False),
    (binary(family=0x00, rest=b""), "", False),
    (binary(command=0x20, rest=b""), "", False),
    (binary(command=0x20, family=0xFF, rest=b"anything"), "", False),
    (binary(rest=INET + more(0x20, b"\x01\x00\x00\x00\x00" + more(0x21, b"TLSv1.3"))), "192.0.2.7", True),
    (binary(rest=INET + more(0x20, b"\x00\x00\x00\x00\x01")), "192.0.2.7", False),
    (binary(rest=INET + more(0x04, b"") + more(0xEE, b"x" * 300)), "192.0.2.7", False),
    (summed(binary(rest=INET + more(0x03, bytes(4)))), "192.0.2.7", False),
]


@pytest.mark.parametrize(("header", "address", "secure"), GOOD)
def test_who_it_is(header: bytes, address: str, secure: bool) -> None:
    for rest in (b"", b"GET / HTTP/1.1\r\n", header):
        assert read_origin(header + rest) == Origin(address, secure, len(header))
    for length in range(len(header)):
        assert read_origin(header[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"proxy TCP4 192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY  TCP4 192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 \r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\n\r\n",
        b"PROXY TCP4 192.0.2.07 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 192.0.2 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.256 4711 443\r\n",
        b"PROXY TCP4 ::1 ::1 4711 443\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 04711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
        b"PROXY UDP4 192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY UNKNOWN\x00\r\n",
        b"PROXY UNKNOWN " + b"x" * 94,
        binary(command=0x11),
        binary(command=0x22),
        binary(family=0x12),
        binary(family=0x01),
        binary(rest=INET[:-1]),
        binary(family=0x21),
        binary(size=5000),
        binary(rest=INET + b"\x04"),
        binary(rest=INET + b"\x04\x00\x05abcd"),
        binary(rest=INET + more(0x20, b"\x01")),
        binary(rest=INET + more(0x03, bytes(4))),
        binary(rest=INET + more(0x03, bytes(3))),
    ],
)
def test_who_it_is_not(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_origin(data)
    assert caught.value.reason == "proxy_protocol"


def test_the_checksum_is_that_of_rfc_3720() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
