"""TRACE and OPTIONS count their hops, and are answered here when none is left (RFC 9110 section 7.6.2)."""

from typing import Final

from proxy.faults import Malformed
from proxy.fields import write_fields
from proxy.grammar import LENGTH
from proxy.own_answer import plain_answer
from proxy.request import RequestFields, RequestLine

HOPPING: Final = frozenset((b"TRACE", b"OPTIONS"))
_ALLOW = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n"
_PRIVATE = frozenset((b"authorization", b"cookie"))


def last_hop(line: RequestLine, fields: RequestFields, keep: bool) -> tuple[int, bytes] | None:
    """Status and bytes of the answer where this is the last hop, or None. Raises Malformed (400)."""
    if line.method == b"TRACE" and (fields.chunked or fields.length > 0):
        raise Malformed(400, "trace_body", "TRACE has no body.")
    left = fields.max_forwards
    if not left:
        return None
    if LENGTH.fullmatch(left) is None:
        raise Malformed(400, "bad_max_forwards", "Max-Forwards must be one number.")
    if int(left) > 0:
        return None
    if line.method == b"TRACE":
        kind = b"Content-Type: message/http\r\n"
        return 200, plain_answer(200, kind, _traced(line, fields), bodyless=False, keep=keep)
    return 200, plain_answer(200, _ALLOW, b"", bodyless=False, keep=keep)


def max_forwards_line(line: RequestLine, fields: RequestFields) -> bytes:
    """The field for the next hop: one less for the methods that count."""
    left = fields.max_forwards
    return b"Max-Forwards: %b\r\n" % (b"%d" % (int(left) - 1) if line.method in HOPPING else left)


def _traced(line: RequestLine, fields: RequestFields) -> bytes:
    """The request as received, without what only its sender should know (RFC 9110 section 9.3.8)."""
    shown = [field for field in fields.plain if field[0].lower() not in _PRIVATE]
    start = b"TRACE %b HTTP/1.%d\r\nHost: %b\r\n" % (line.target, line.minor, fields.host)
    return b"%b%b\r\n" % (start, write_fields(shown))
