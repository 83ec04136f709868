"""The PROXY protocol, versions 1 and 2: who the client is, said by a proxy that does not speak HTTP.

By haproxy.org's proxy-protocol.txt (2.2 for the text, 2.2 and 3.3 for the binary form).
"""

import asyncio
import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from proxy.faults import Malformed
from proxy.forwarding import Peer

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_TEXT = 107  # with its CRLF
_LONGEST_BINARY = 4096  # there may be more in it than addresses, but nobody needs this much
_PORT = rb"(0|[1-9][0-9]{0,4})"
_HOST = rb"([0-9A-Fa-f:.]+)"
_TEXT = re.compile(rb"PROXY (?:UNKNOWN[\x20-\x7e]*|TCP([46]) %b %b %b %b)\r\n" % (_HOST, _HOST, _PORT, _PORT))
_STREAM_4, _STREAM_6, _STREAM_UNIX, _UNSPECIFIED = 0x11, 0x21, 0x31, 0x00
_ADDRESS_BYTES = {_STREAM_4: 12, _STREAM_6: 36, _STREAM_UNIX: 216, _UNSPECIFIED: 0}
_CRC32C, _SSL = 0x03, 0x20  # types of what may follow the addresses
_CLIENT_SSL = 0x01


class Origin(NamedTuple):
    """What a header says, and its `size` in bytes.

    `address`: "" where the proxy itself asks, or nobody knows who; `secure`: the client came by TLS.
    """

    address: str
    secure: bool
    size: int


def read_origin(data: bytes) -> Origin | None:
    """The header that these bytes begin with, None while it is not whole. Raises Malformed."""
    if data.startswith(SIGNATURE):
        return _read_binary(data)
    if SIGNATURE.startswith(data):
        return None
    return _read_text(data)


def _malformed() -> Malformed:
    return Malformed(400, "proxy_protocol", "The connection does not begin with a PROXY header.")


def _read_text(data: bytes) -> Origin | None:
    end = data.find(b"\r\n", 0, _LONGEST_TEXT)
    if end < 0:
        if len(data) >= _LONGEST_TEXT or data[:6] != b"PROXY "[: len(data)]:
            raise _malformed()
        return None
    match = _TEXT.fullmatch(data, 0, end + 2)
    if match is None:
        raise _malformed()
    version, source, target, *ports = match.groups()
    if version is None:
        return Origin("", False, end + 2)
    kind = IPv4Address if version == b"4" else IPv6Address
    try:
        address = kind(source.decode())
        kind(target.decode())
    except AddressValueError:
        raise _malformed() from None
    if any(int(port) > 65535 for port in ports):
        raise _malformed()
    return Origin(str(address), False, end + 2)


def _read_binary(data: bytes) -> Origin | None:
    if len(data) < 16:
        return None
    command, family, size = data[12], data[13], int.from_bytes(data[14:16]) + 16
    if command not in (0x20, 0x21) or size > _LONGEST_BINARY:
        raise _malformed()
    if len(data) < size:
        return None
    if command == 0x20:  # LOCAL: whatever follows is to be skipped
        return Origin("", False, size)
    taken = _ADDRESS_BYTES.get(family, -1)
    if taken < 0 or size < 16 + taken:
        raise _malformed()
    address = ""
    if family == _STREAM_4:
        address = str(IPv4Address(data[16:20]))
    elif family == _STREAM_6:
        address = str(IPv6Address(data[16:32]))
    return Origin(address, _read_more(data[:size], 16 + taken), size)


def _read_more(header: bytes, start: int) -> bool:
    """What follows the addresses: a checksum that must be right, and whether the client came by TLS."""
    secure = False
    while start < len(header):
        kind, size = header[start], int.from_bytes(header[start + 1 : start + 3])
        value = header[start + 3 : start + 3 + size]
        if start + 3 + size > len(header):
            raise _malformed()
        if kind == _SSL:
            if size < 5:
                raise _malformed()
            secure = bool(value[0] & _CLIENT_SSL)
        elif kind == _CRC32C:
            blank = header[: start + 3] + bytes(4) + header[start + 7 :]
            if size != 4 or int.from_bytes(value) != crc32c(blank):
                raise _malformed()
        start += 3 + size
    return secure


def introduction(peer: Peer, transport: asyncio.BaseTransport) -> bytes:
    """The header (version 2) that tells a node who the client is, and whether it came by TLS.

    The client's port is 0 where another proxy has said who it is.
    """
    source, port = peer.address, 0
    known, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if isinstance(known, tuple) and known[0] == source:
        port = known[1]
    rest = b"\x20\x00\x05\x01" + (not peer.certificate).to_bytes(4) if peer.secure else b""
    if not source or not isinstance(here, tuple):
        return SIGNATURE + bytes((0x21, _UNSPECIFIED)) + len(rest).to_bytes(2) + rest
    addresses = [ip_address(each.partition("%")[0]) for each in (source, here[0])]
    family = _STREAM_4
    if any(address.version == 6 for address in addresses):
        family = _STREAM_6
    packed = [_packed(address, family) for address in addresses]
    packed += [each.to_bytes(2) for each in (port, here[1])]
    rest = b"".join(packed) + rest
    return SIGNATURE + bytes((0x21, family)) + len(rest).to_bytes(2) + rest


def _packed(address: IPv4Address | IPv6Address, family: int) -> bytes:
    """Of the family that both addresses are written in."""
    mapped = b"\xff\xff".rjust(12, b"\x00") if family == _STREAM_6 and address.version == 4 else b""
    return mapped + address.packed


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
