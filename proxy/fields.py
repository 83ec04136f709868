"""What each header field means to an intermediary: passed on, understood, or taken out."""

from collections.abc import Iterable
from enum import IntEnum

from proxy.faults import Malformed
from proxy.grammar import LENGTH, SECTION

ONLY_CHUNKED = "Transfer-Encoding must be `chunked`, once, in HTTP/1.1."

FieldList = list[tuple[bytes, bytes]]


class Kind(IntEnum):
    """PASS is copied on; DROP never is; each other has a meaning of its own."""

    PASS = 0
    DROP = 1
    HOST = 2
    CONNECTION = 3
    LENGTH = 4
    TRANSFER_ENCODING = 5
    UPGRADE = 6
    EXPECT = 7
    COOKIE = 8
    MAX_FORWARDS = 9
    FORWARDING = 10
    REQUEST_ID = 11
    AFFINITY = 12
    KEEP_ALIVE = 13
    SET_COOKIE = 14
    VIA = 15
    LIMPET = 16
    TRACE = 17


# RFC 9110 section 7.6.1; `Proxy` for CVE-2016-5385.
REQUEST_KINDS = {
    b"host": Kind.HOST,
    b"connection": Kind.CONNECTION,
    b"content-length": Kind.LENGTH,
    b"transfer-encoding": Kind.TRANSFER_ENCODING,
    b"upgrade": Kind.UPGRADE,
    b"expect": Kind.EXPECT,
    b"cookie": Kind.COOKIE,
    b"max-forwards": Kind.MAX_FORWARDS,
    b"via": Kind.VIA,
    b"te": Kind.DROP,
    b"keep-alive": Kind.DROP,
    b"proxy": Kind.DROP,
    b"proxy-connection": Kind.DROP,
    b"proxy-authorization": Kind.DROP,
    b"http2-settings": Kind.DROP,
    b"forwarded": Kind.FORWARDING,
    b"x-real-ip": Kind.FORWARDING,
}
RESPONSE_KINDS = {
    b"connection": Kind.CONNECTION,
    b"content-length": Kind.LENGTH,
    b"transfer-encoding": Kind.TRANSFER_ENCODING,
    b"upgrade": Kind.UPGRADE,
    b"keep-alive": Kind.KEEP_ALIVE,
    b"set-cookie": Kind.SET_COOKIE,
    b"via": Kind.VIA,
    b"proxy-connection": Kind.DROP,
    b"proxy-authenticate": Kind.DROP,
}
REQUEST_PREFIXES = {
    b"limpet-": Kind.DROP,
    b"x-forwarded-": Kind.FORWARDING,
    b"client-cert": Kind.FORWARDING,
    b"x-client-cert": Kind.FORWARDING,
}
RESPONSE_PREFIXES = {b"limpet-": Kind.LIMPET}
TRACE_CONTEXT = (b"traceparent", b"tracestate")


MOST_NAMES = 4096  # remembered: clients choose them


class FieldKinds(dict[bytes, Kind]):
    """The kind of a field by its name as sent; names met before cost one lookup.

    WSGI and CGI map `-` and `_` to one name, so a name with `_` that would there become a field of some
    meaning is taken out, and so is everything that begins with `limpet-`.
    """

    def __init__(self, known: dict[bytes, Kind], prefixes: dict[bytes, Kind]) -> None:
        super().__init__()
        self._known = known
        self._prefixes = prefixes

    def __missing__(self, name: bytes) -> Kind:
        kind = self._classify(name)
        if len(self) < MOST_NAMES and len(name) <= 64:
            self[name] = kind
        return kind

    def _classify(self, name: bytes) -> Kind:
        lower = name.lower()
        dashed = lower.replace(b"_", b"-")
        kind = self._known.get(dashed) or self._by_prefix(dashed)
        return Kind.DROP if kind is not Kind.PASS and dashed != lower else kind

    def _by_prefix(self, dashed: bytes) -> Kind:
        for prefix, kind in self._prefixes.items():
            if dashed.startswith(prefix):
                return kind
        return Kind.PASS


def request_kinds(
    affinity: Iterable[bytes] = (), request_id: bytes = b"", traced: bool = False
) -> FieldKinds:
    """Kinds of request fields, for the (lower-case) names of affinity headers and of the request id.

    `traced`: Limpet writes the trace context itself; otherwise it passes as any other field.
    """
    known = REQUEST_KINDS | dict.fromkeys(affinity, Kind.AFFINITY)
    if traced:
        known |= dict.fromkeys(TRACE_CONTEXT, Kind.TRACE)
    if request_id:
        known[request_id] = Kind.REQUEST_ID
    return FieldKinds(known, REQUEST_PREFIXES)


def response_kinds(affinity: Iterable[bytes] = ()) -> FieldKinds:
    """Kinds of response fields, for the (lower-case) names of affinity headers."""
    return FieldKinds(RESPONSE_KINDS | dict.fromkeys(affinity, Kind.AFFINITY), RESPONSE_PREFIXES)


def read_section(section: bytes, most_fields: int, longest_line: int) -> FieldList:
    """The fields of a header section (its final empty line included), values without surrounding white space.

    Raises Malformed: 400 where the grammar of RFC 9112 section 5 is broken, 431 where a limit is.
    """
    if SECTION.fullmatch(section) is None:
        raise Malformed(400, "bad_field", "A header field is not in the form RFC 9112 gives.")
    lines = section[:-4].split(b"\r\n") if len(section) > 2 else []
    if len(lines) > most_fields:
        raise Malformed(431, "too_many_fields", f"More than {most_fields} header fields.")
    if len(section) > longest_line and max(map(len, lines)) > longest_line:
        raise Malformed(431, "line_too_long", f"A header field is longer than {longest_line} bytes.")
    fields: FieldList = []
    for line in lines:  # 2.5 us for eleven fields; the same by a pattern's findall 3.9
        name, _, value = line.partition(b":")
        fields.append((name, value.strip(b" \t")))
    return fields


def read_options(value: bytes) -> set[bytes]:
    """The options that a `Connection` field names, lower-cased."""
    return {option.strip(b" \t").lower() for option in value.split(b",")} - {b""}


def read_length(value: bytes, seen: int) -> int:
    """A Content-Length (RFC 9112 section 6.3); a second one, even the same, is refused. Raises Malformed."""
    if seen >= 0 or LENGTH.fullmatch(value) is None:
        raise Malformed(400, "bad_length", "Content-Length must be one number.")
    return int(value)


def without_named(fields: FieldList, options: set[bytes]) -> FieldList:
    """The fields that remain when those that `Connection` names are gone (RFC 9110 section 7.6.1)."""
    return [field for field in fields if field[0].lower() not in options]


def write_fields(fields: FieldList) -> bytes:
    """Fields as they go on the wire, each with one space and one CRLF."""
    parts: list[bytes] = []
    for name, value in fields:
        parts += (name, b": ", value, b"\r\n")
    return b"".join(parts)
