"""What nodes are told about the client: X-Forwarded-*, Forwarded, Via and the request id."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from secrets import token_hex

from proxy.client_certificate import is_certificate
from proxy.fields import FieldList, write_fields
from proxy.grammar import REQUEST_ID
from proxy.request import RequestFields

Network = IPv4Network | IPv6Network
_OWN = {
    "x-forwarded": frozenset((b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")),
    "forwarded": frozenset((b"forwarded",)),
}


class Peer:
    """Who is at the other end of a client connection."""

    __slots__ = ("address", "certificate", "secure", "told", "trusted")

    def __init__(self, address: str, trusted: bool, secure: bool) -> None:
        self.address = address
        self.trusted = trusted  # a proxy whose word about its own clients counts
        self.secure = secure  # the connection itself is under TLS
        self.certificate = b""  # the fields that tell nodes of the client's own
        self.told = (b"", b"")  # a Host, and what nodes are told where the client says nothing: 2 us to write

    def like(self, other: "Peer") -> bool:
        """Whether nodes are told the same of both."""
        return (
            self.address == other.address
            and self.secure == other.secure
            and self.trusted == other.trusted
            and self.certificate == other.certificate
        )


class Forwarding:
    """Writes the fields that say where a request comes from (RFC 7239, RFC 9110 section 7.6.3)."""

    def __init__(
        self,
        style: str = "x-forwarded",
        trusted: Sequence[Network] = (),
        via: str | None = None,
        request_id: str | None = "X-Request-Id",
    ) -> None:
        self._style = style
        self._own = _OWN[style]
        self._trusted = tuple(trusted)
        self.via = via.encode() if via else b""
        self.request_id = request_id.encode() if request_id else b""
        self._prefix = token_hex(8).encode() + b"-"
        self._serial = 0

    def peer(self, address: str, secure: bool = False, local: bool = False) -> Peer:
        """The peer of a new connection; one on a unix socket (`local`) is trusted, as who may open that."""
        return Peer(address, local or self._trusts(address), secure)

    def new_id(self) -> bytes:
        """A request id, unique over all proxies."""
        serial = self._serial
        self._serial = serial + 1
        return self._prefix + b"%x" % serial

    def id_of(self, peer: Peer, fields: RequestFields) -> bytes:
        """The request's id: from a trusted proxy, or made."""
        given = fields.request_id
        if given and peer.trusted and REQUEST_ID.fullmatch(given):
            return given
        return self.new_id()

    def secure(self, peer: Peer, fields: RequestFields) -> bool:
        """Whether the client itself speaks TLS."""
        if peer.trusted:
            said = _first(fields.forwarding, b"x-forwarded-proto")
            if said:
                return said.rpartition(b",")[2].strip().lower() == b"https"
            return b"proto=https" in _first(fields.forwarding, b"forwarded").lower() or peer.secure
        return peer.secure

    def client_address(self, peer: Peer, fields: RequestFields) -> str:
        """The nearest address that is not a trusted proxy's."""
        address = peer.address
        if peer.trusted and fields.forwarding:
            for hop in reversed(_first(fields.forwarding, b"x-forwarded-for").decode("latin-1").split(",")):
                hop = hop.strip()
                if not _is_address(hop):
                    break
                address = hop
                if not self._trusts(hop):
                    break
        return address

    def lines(self, peer: Peer, fields: RequestFields, host: bytes) -> bytes:
        """The fields for the node; what an untrusted client said of itself is replaced."""
        given = fields.forwarding if peer.trusted else []
        if given and peer.certificate:
            given = [field for field in given if not is_certificate(field[0])]
        if given:
            return self._lines(peer, given, host)
        if peer.told[0] != host:
            peer.told = (host, self._lines(peer, given, host))
        return peer.told[1]

    def _lines(self, peer: Peer, given: FieldList, host: bytes) -> bytes:
        address = peer.address.encode() or b"unknown"
        proto = b"https" if peer.secure else b"http"
        if self._style == "forwarded":
            lines = self._forwarded(given, address, host, proto)
        else:
            lines = self._x_forwarded(given, address, host, proto)
        kept = [field for field in given if field[0].lower() not in self._own]
        return lines + peer.certificate + write_fields(kept)

    def _x_forwarded(self, given: FieldList, address: bytes, host: bytes, proto: bytes) -> bytes:
        before = b", ".join(value for name, value in given if name.lower() == b"x-forwarded-for")
        chain = b"%b, %b" % (before, address) if before else address
        return b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n" % (
            chain,
            _first(given, b"x-forwarded-proto") or proto,
            _first(given, b"x-forwarded-host") or host,
        )

    def _forwarded(self, given: FieldList, address: bytes, host: bytes, proto: bytes) -> bytes:
        before = b", ".join(value for name, value in given if name.lower() == b"forwarded")
        quoted = b'"[%b]"' % address if b":" in address else address
        element = b'for=%b;host="%b";proto=%b' % (quoted, host, proto)
        return b"Forwarded: %b\r\n" % (b"%b, %b" % (before, element) if before else element)

    def _trusts(self, address: str) -> bool:
        if not self._trusted:
            return False
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if parsed.version == 6 and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._trusted)


def peer_of(transport: asyncio.BaseTransport, forwarding: Forwarding, secure: bool = False) -> Peer:
    """Who is at the other end, by what the socket says."""
    peername = transport.get_extra_info("peername")
    if isinstance(peername, tuple):
        return forwarding.peer(peername[0], secure)
    # A unix socket's is a path, most often "", and a TCP client's that has left None; to ask for the socket
    # itself costs 9 us.
    return forwarding.peer("", secure, isinstance(peername, str | bytes))


def _first(fields: FieldList, name: bytes) -> bytes:
    for known, value in fields:
        if known.lower() == name:
            return value
    return b""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
