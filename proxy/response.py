"""A response's head as a node sent it: what Limpet understood, or why the node is not believed."""

from typing import Final

from proxy.faults import Malformed, NodeFault
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
from proxy.grammar import STATUS_LINE
from proxy.options import Limits

# Bound once: a name of the module costs 6 ns, one of an enum class 76.
_LENGTH: Final = Kind.LENGTH
_CONNECTION: Final = Kind.CONNECTION
_SET_COOKIE: Final = Kind.SET_COOKIE
_TRANSFER_ENCODING: Final = Kind.TRANSFER_ENCODING
_UPGRADE: Final = Kind.UPGRADE
_KEEP_ALIVE: Final = Kind.KEEP_ALIVE
_AFFINITY: Final = Kind.AFFINITY
_LIMPET: Final = Kind.LIMPET
_BLANKS: Final = (b" ", b"\t")
_CHANGING: Final = frozenset((b"limpet-version", b"limpet-state", b"Limpet-Version", b"Limpet-State"))


class ResponseHead:
    """A status line and what its header section says. Immutable, so that the same bytes are read once."""

    __slots__ = (
        "affinity",
        "before",
        "chunked",
        "close",
        "idle_seconds",
        "length",
        "limpet",
        "line",
        "minor",
        "passed",
        "plain",
        "private",
        "raw",
        "ready",
        "set_cookies",
        "simple",
        "status",
        "upgrade",
        "via",
    )

    def __init__(self, raw: bytes, status: int, minor: int, line: bytes) -> None:
        self.raw = raw
        self.status = status
        self.minor = minor
        self.line = line  # as it is sent to the client
        self.length = -1
        self.chunked = False
        self.close = minor == 0
        self.idle_seconds = -1.0  # what `Keep-Alive: timeout=` promises
        self.upgrade = b""
        self.via = b""
        self.set_cookies: list[bytes] = []
        self.affinity: FieldList = []
        self.limpet: FieldList = []  # for us alone: never in `plain`
        self.plain: FieldList = []
        self.passed = b""
        self.simple = True  # nothing in it concerns the session or the hops
        self.ready = b""  # the head for a client whose connection is kept, where nothing is added; b"": none
        self.private = b""  # `passed` for one client alone, once somebody has asked for that
        self.before = b""  # all of `raw` that comes before its `Limpet-*` fields, where these are its last


def read_head(head: bytes, kinds: FieldKinds, limits: Limits) -> ResponseHead:
    """A node's response head, its final empty line included. Raises NodeFault (502)."""
    match = STATUS_LINE.match(head)
    if match is None:
        raise NodeFault(502, "bad_response", "The node's answer is not HTTP.")
    minor, status, reason = match.groups()
    line = b"HTTP/1.1 %b %b\r\n" % (status, reason or b"")
    response = ResponseHead(head, int(status), int(minor), line)
    try:
        _read_fields(response, read_section(head[match.end() :], limits.headers, limits.line), kinds)
    except Malformed as fault:
        raise NodeFault(502, "bad_response", f"The node's answer is malformed: {fault.detail}") from fault
    if response.limpet:
        response.before = _before_limpet(head, len(response.limpet), limits)
    return response


def read_again(head: ResponseHead, raw: bytes, limits: Limits) -> FieldList | None:
    """The `Limpet-*` fields of `raw`, where it is `head` but for a session's version and state; else None.

    Each write has another of both, and to look for what no header may hold in 3 KB of state takes 4 us. Here
    neither goes any further than to who reads digits, and strict base64.
    """
    before = head.before
    rest = len(raw) - len(before)  # compiled, a slice that ends before it begins raises SystemError
    if not before or not raw.startswith(before) or not 4 <= rest <= limits.line:
        return None
    limpet: FieldList = []
    for line in raw[len(before) : -4].split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name not in _CHANGING or value[:1] in _BLANKS or value[-1:] in _BLANKS:
            return None
        limpet.append((name, value))
    return limpet if len(limpet) <= len(_CHANGING) else None


def _before_limpet(raw: bytes, count: int, limits: Limits) -> bytes:
    lines = raw[:-4].split(b"\r\n")
    ours = [line[:7].lower() == b"limpet-" for line in lines]
    if not all(ours[-count:]) or len(lines) - 1 - count + len(_CHANGING) > limits.headers:
        return b""
    return b"".join([line + b"\r\n" for line in lines[:-count]])


def _read_fields(response: ResponseHead, fields: FieldList, kinds: FieldKinds) -> None:
    options: set[bytes] = set()
    upgrades: list[bytes] = []
    plain = response.plain
    for field in fields:
        kind = kinds[field[0]]
        if not kind:
            plain.append(field)
        elif kind is _LENGTH:
            response.length = read_length(field[1], response.length)
        elif kind is _LIMPET:
            response.limpet.append(field)
        elif kind is _CONNECTION:
            options |= read_options(field[1])
        elif kind is _SET_COOKIE:
            response.set_cookies.append(field[1])
        elif kind is _TRANSFER_ENCODING:
            _read_coding(response, field[1])
        elif kind is _UPGRADE:
            upgrades.append(field[1])
        elif kind is _KEEP_ALIVE:
            response.idle_seconds = _idle_seconds(field[1])
        elif kind is _AFFINITY:
            response.affinity.append(field)
        elif kind is Kind.VIA:
            response.via = response.via + b", " + field[1] if response.via else field[1]
    if response.chunked and response.length >= 0:
        raise Malformed(400, "two_lengths", "Content-Length and Transfer-Encoding exclude each other.")
    if options:
        _apply_options(response, options, upgrades)
    response.passed = write_fields(response.plain)
    response.simple = not (response.set_cookies or response.affinity or response.via)
    if response.length >= 0 and response.status != 204:
        response.ready = b"%b%bContent-Length: %d\r\n\r\n" % (response.line, response.passed, response.length)


def _read_coding(response: ResponseHead, value: bytes) -> None:
    if response.minor == 0 or response.chunked or value.lower() != b"chunked":
        raise Malformed(400, "bad_transfer_encoding", ONLY_CHUNKED)
    response.chunked = True


def _apply_options(response: ResponseHead, options: set[bytes], upgrades: list[bytes]) -> None:
    if response.minor == 0:
        response.close = b"keep-alive" not in options
    if b"close" in options:
        response.close = True
    if b"upgrade" in options:
        response.upgrade = b", ".join(upgrades)
    named = options - {b"close", b"keep-alive", b"upgrade"}
    if named:
        response.plain = without_named(response.plain, named)


def _idle_seconds(value: bytes) -> float:
    """The seconds of `Keep-Alive: timeout=5` (RFC 2068 section 19.7.1), -1 where it does not say."""
    for part in value.split(b","):
        name, _, number = part.strip(b" \t").partition(b"=")
        if name.lower() == b"timeout" and number.isdigit() and len(number) < 9:
            return float(number)
    return -1.0
