"""The head that a node is sent: what Limpet understood of the request, written anew."""

from proxy.fields import FieldList, write_fields
from proxy.forwarding import Forwarding, Peer
from proxy.request import RequestFields
from proxy.routes import Route
from sessions.affinity import Affinity
from sessions.visit import Visit


def request_section(
    fields: RequestFields, route: Route, visit: Visit, authority: bytes, peer: Peer, forwarding: Forwarding
) -> bytes:
    """The header section for a node, without the request id and the empty line.

    `authority` is the Host. The same for the same arguments, so a connection keeps the last one.
    """
    parts = [b"Host: ", authority, b"\r\n", _plain(fields, route)]
    if fields.chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif fields.length >= 0:
        parts.append(b"Content-Length: %d\r\n" % fields.length)
    if visit.cookie:
        parts += (b"Cookie: ", visit.cookie, b"\r\n")
    if fields.affinity:
        parts.append(_affinity(fields.affinity, route.service.affinity, visit))
    parts.append(forwarding.lines(peer, fields, authority))
    if forwarding.via or fields.via:
        parts.append(via_line(fields.via, fields.minor, forwarding.via))
    if fields.upgrade:
        parts += (b"Connection: Upgrade\r\nUpgrade: ", fields.upgrade, b"\r\n")
    if fields.expects_continue:
        parts.append(b"Expect: 100-continue\r\n")
    return b"".join(parts)


def via_line(given: bytes, minor: int, own: bytes) -> bytes:
    """RFC 9110 section 7.6.3: what was there, and our own hop if the operator asks for it."""
    hops = [given] if given else []
    if own:
        hops.append(b"1.%d %b" % (minor, own))
    return b"Via: %b\r\n" % b", ".join(hops) if hops else b""


def _plain(fields: RequestFields, route: Route) -> bytes:
    if not route.request_edit:
        return fields.passed
    return write_fields(route.request_edit.apply(fields.plain))


def _affinity(given: FieldList, affinity: Affinity, visit: Visit) -> bytes:
    """Headers of some service's affinity: this one's as the node shall see it, others as they came."""
    kept = [field for field in given if field[0].lower() != affinity.header]
    own = next((name for name, _ in given if name.lower() == affinity.header), b"")
    if own and visit.header:
        kept.append((own, visit.header))
    return write_fields(kept)
