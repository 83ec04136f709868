"""A request's head: what Limpet understood of it, or why it is refused."""

from ipaddress import AddressValueError, IPv6Address
from typing import Final

from proxy.faults import Malformed
from proxy.fields import (
    ONLY_CHUNKED,
    FieldKinds,
    FieldList,
    Kind,
    read_length,
    read_options,
    read_section,
    without_named,
    write_fields,
)
from proxy.grammar import (
    ABSOLUTE_LINE,
    ASTERISK_LINE,
    AUTHORITY,
    FORBIDDEN,
    LOOSE_LINE,
    REQUEST_LINE,
    TOKEN,
)
from proxy.options import Limits

# RFC 9110 section 9.2.2.
IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
_KEPT_OPTIONS: Final = frozenset((b"close", b"keep-alive", b"upgrade", b"te"))

# Bound once: a name of the module costs 6 ns, one of an enum class 76.
_HOST: Final = Kind.HOST
_CONNECTION: Final = Kind.CONNECTION
_COOKIE: Final = Kind.COOKIE
_LENGTH: Final = Kind.LENGTH
_UPGRADE: Final = Kind.UPGRADE
_DROP: Final = Kind.DROP


class RequestLine:
    """Method, target as the node will see it, the path for routing, and the authority of an absolute-form.

    Immutable, so that the same bytes on the same connection are read once.
    """

    __slots__ = ("authority", "method", "minor", "path", "raw", "size", "target")

    def __init__(
        self, method: bytes, target: bytes, path: bytes, minor: int, raw: bytes, authority: bytes = b""
    ) -> None:
        self.method = method
        self.target = target
        self.path = path
        self.minor = minor
        self.raw = raw
        self.size = len(raw)  # bytes on the wire
        self.authority = authority

    def at(self, target: bytes) -> "RequestLine":
        """The same, but for what its node sees."""
        return RequestLine(self.method, target, self.path, self.minor, self.raw, self.authority)


class RequestFields:
    """What a header section says. Immutable, so that the same bytes on the same connection are read once."""

    __slots__ = (
        "affinity",
        "chunked",
        "close",
        "cookie",
        "expects_continue",
        "forwarding",
        "host",
        "keep_alive",
        "length",
        "max_forwards",
        "minor",
        "passed",
        "plain",
        "raw",
        "request_id",
        "trace",
        "upgrade",
        "via",
    )

    def __init__(self, raw: bytes, minor: int) -> None:
        self.raw = raw
        self.minor = minor
        self.host = b""
        self.length = -1  # -1: not said
        self.chunked = False
        self.close = False
        self.keep_alive = False
        self.expects_continue = False
        self.upgrade = b""
        self.max_forwards = b""  # of a meaning for TRACE and OPTIONS alone
        self.cookie = b""
        self.request_id = b""
        self.via = b""
        self.forwarding: FieldList = []
        self.affinity: FieldList = []
        self.trace: FieldList = []  # its trace context, where Limpet takes part in traces
        self.plain: FieldList = []
        self.passed = b""  # the plain fields, written anew

    def with_cookie(self, raw: bytes, cookie: bytes) -> "RequestFields":
        """What `raw` says, which is this section but for its one Cookie."""
        other = RequestFields(raw, self.minor)
        other.host, other.length, other.chunked = self.host, self.length, self.chunked
        other.close, other.keep_alive = self.close, self.keep_alive
        other.expects_continue, other.upgrade = self.expects_continue, self.upgrade
        other.max_forwards, other.request_id, other.via = self.max_forwards, self.request_id, self.via
        other.forwarding, other.affinity, other.trace = self.forwarding, self.affinity, self.trace
        other.plain, other.passed, other.cookie = self.plain, self.passed, cookie
        return other

    def find(self, name: bytes) -> bytes:
        """The first value of a plain field by its lower-case name, b"" if there is none."""
        for known, value in self.plain:
            if known.lower() == name:
                return value
        return b""


def read_line(head: bytes, limits: Limits) -> RequestLine:
    """The request line at the start of a head. Raises Malformed: 400, 414, 501 or 505."""
    match = REQUEST_LINE.match(head)
    if match is not None:
        size = match.end()
        if size - 2 > limits.line:
            raise Malformed(414, "target_too_long", f"The request line is longer than {limits.line} bytes.")
        method, target, path, minor = match.groups()
        if method == b"CONNECT":
            raise Malformed(501, "connect", "CONNECT is not served here.")
        return RequestLine(method, target, path, minor == b"1", head[:size])
    return _read_rare_line(head, limits)


def check_unfinished(head: bytes, searched: int, limits: Limits) -> None:
    """Raises Malformed where this can never become a head. `searched`: bytes that were looked at before."""
    if FORBIDDEN.search(head, max(0, searched - 1)):
        raise Malformed(400, "bad_character", "The head holds a character that no head may hold.")
    line_end = head.find(b"\r\n")
    if line_end >= 0:
        if searched <= line_end + 1:
            read_line(head, limits)
    elif len(head) > limits.line:
        raise Malformed(414, "target_too_long", f"The request line is longer than {limits.line} bytes.")
    if len(head) > limits.head:
        raise Malformed(431, "head_too_large", f"The request's head is larger than {limits.head} bytes.")


def _read_rare_line(head: bytes, limits: Limits) -> RequestLine:
    end = head.find(b"\r\n")
    if end > limits.line:
        raise Malformed(414, "target_too_long", f"The request line is longer than {limits.line} bytes.")
    match = ASTERISK_LINE.match(head)
    if match is not None:
        return RequestLine(b"OPTIONS", b"*", b"*", match[1] == b"1", match[0])
    match = ABSOLUTE_LINE.match(head)
    if match is None or match[1] == b"CONNECT":
        raise _line_fault(head[: end + 2])
    method, authority, target, path, minor = match.groups()
    check_authority(authority)
    if not path:
        target = b"*" if method == b"OPTIONS" and not target else b"/" + target
    return RequestLine(method, target, path or b"/", minor == b"1", match[0], authority)


def _line_fault(line: bytes) -> Malformed:
    """Which status tells a client best what is wrong with its request line (RFC 9110 section 15)."""
    match = LOOSE_LINE.fullmatch(line)
    if match is None or FORBIDDEN.search(line):
        return Malformed(400, "bad_request_line", "The request line is not `method target HTTP/1.1`.")
    method, _, version = match.groups()
    if TOKEN.fullmatch(method) is None:
        return Malformed(400, "bad_method", "The method is not a token.")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        return Malformed(505, "bad_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    if method == b"CONNECT":
        return Malformed(501, "connect", "CONNECT is not served here.")
    if len(method) > 32:
        return Malformed(501, "bad_method", "The method is longer than any that is known.")
    return Malformed(400, "bad_target", "The request target is not a valid one (RFC 9112 section 3.2).")


def check_authority(authority: bytes) -> None:
    """Raises Malformed where a Host value is not `uri-host [":" port]` (RFC 9110 section 7.2)."""
    if AUTHORITY.fullmatch(authority) is None:
        raise Malformed(400, "bad_host", "Host is not a valid authority.")
    if authority.startswith(b"["):
        literal, _, port = authority[1:].partition(b"]")
        try:
            IPv6Address(literal.decode("ascii"))
        except AddressValueError:
            raise Malformed(400, "bad_host", "Host is not a valid IPv6 literal.") from None
        port = port[1:]
    else:
        port = authority.partition(b":")[2]
    if port and int(port) > 65535:
        raise Malformed(400, "bad_host", "Host names a port above 65535.")


def read_fields(section: bytes, minor: int, kinds: FieldKinds, limits: Limits) -> RequestFields:
    """Everything that a header section says (section 5 to 7 of RFC 9112). Raises Malformed."""
    fields = RequestFields(section, minor)
    plain = fields.plain
    options: set[bytes] = set()
    upgrades: list[bytes] = []
    hosts = 0
    for field in read_section(section, limits.headers, limits.line):
        kind = kinds[field[0]]
        if not kind:
            plain.append(field)
            continue
        value = field[1]
        if kind is _HOST:
            hosts += 1
            fields.host = value
        elif kind is _CONNECTION:
            options |= read_options(value)
        elif kind is _COOKIE:
            fields.cookie = fields.cookie + b"; " + value if fields.cookie else value
        elif kind is _LENGTH:
            fields.length = read_length(value, fields.length)
        elif kind is _UPGRADE:
            upgrades.append(value)
        elif kind is not _DROP:
            _read_rare_field(fields, kind, field)
    _check_host(fields, hosts)
    _check_framing(fields)
    if options:
        _apply_options(fields, options, upgrades)
    fields.passed = write_fields(fields.plain)
    return fields


def _read_rare_field(fields: RequestFields, kind: Kind, field: tuple[bytes, bytes]) -> None:
    value = field[1]
    if kind is Kind.FORWARDING:
        fields.forwarding.append(field)
    elif kind is Kind.AFFINITY:
        fields.affinity.append(field)
    elif kind is Kind.TRACE:
        fields.trace.append(field)
    elif kind is Kind.REQUEST_ID:
        fields.request_id = value
    elif kind is Kind.VIA:
        fields.via = fields.via + b", " + value if fields.via else value
    elif kind is Kind.TRANSFER_ENCODING:
        _read_coding(fields, value)
    elif kind is Kind.EXPECT:
        if value.lower() != b"100-continue":
            raise Malformed(417, "bad_expectation", "Only `Expect: 100-continue` can be met.")
        fields.expects_continue = fields.minor == 1
    elif kind is Kind.MAX_FORWARDS:
        fields.max_forwards = value


def _read_coding(fields: RequestFields, value: bytes) -> None:
    """RFC 9112 section 6.1: only `chunked`, once and last, never in HTTP/1.0."""
    codings = [coding.strip(b" \t").lower() for coding in value.split(b",")]
    if fields.minor == 0 or fields.chunked or codings.count(b"chunked") > 1 or not all(codings):
        raise Malformed(400, "bad_transfer_encoding", ONLY_CHUNKED)
    if codings != [b"chunked"]:
        known = all(TOKEN.fullmatch(coding) for coding in codings)
        ordered = b"chunked" not in codings or codings[-1] == b"chunked"
        status = 501 if known and ordered else 400
        raise Malformed(status, "bad_transfer_encoding", "No transfer coding but `chunked` is understood.")
    fields.chunked = True


def _check_host(fields: RequestFields, hosts: int) -> None:
    """RFC 9112 section 3.2: exactly one in HTTP/1.1, at most one in HTTP/1.0, and a valid one."""
    if hosts > 1 or (hosts == 0 and fields.minor == 1):
        raise Malformed(400, "bad_host", "Exactly one Host is needed.")
    if hosts:
        check_authority(fields.host)


def _check_framing(fields: RequestFields) -> None:
    """RFC 9112 section 6.1: a message with both lengths is an attempt to smuggle."""
    if fields.chunked and fields.length >= 0:
        raise Malformed(400, "two_lengths", "Content-Length and Transfer-Encoding exclude each other.")


def _apply_options(fields: RequestFields, options: set[bytes], upgrades: list[bytes]) -> None:
    fields.close = b"close" in options
    fields.keep_alive = b"keep-alive" in options
    if b"upgrade" in options and fields.minor == 1 and not fields.chunked and fields.length <= 0:
        fields.upgrade = _upgrades(upgrades)
    named = options - _KEPT_OPTIONS
    if named:
        fields.plain = without_named(fields.plain, named)


def _upgrades(values: list[bytes]) -> bytes:
    """The protocols that a client offers; never h2c, which would speak past the proxy (RFC 9113, 3.1)."""
    offered = [protocol.strip(b" \t") for protocol in b",".join(values).split(b",")]
    return b", ".join(protocol for protocol in offered if protocol and not protocol.lower().startswith(b"h2"))
