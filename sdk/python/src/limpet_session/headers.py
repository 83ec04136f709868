"""The contract's headers: their names, what is a well-formed value, and how they are read."""

import binascii
import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

from limpet_session.record import VERSION_LIMIT
from limpet_session.rules import Request

Header = tuple[bytes, bytes]

KEY = b"limpet-key"
SESSION = b"limpet-session"
VERSION = b"limpet-version"
STATE = b"limpet-state"
TAKEOVER = b"limpet-takeover"
STALE = b"limpet-stale"
TTL = b"limpet-ttl"
NEED = b"limpet-need"
END = b"limpet-end"
RENEW = b"limpet-renew"
SERVING = b"limpet-serving"
FENCE = b"limpet-fence"
NODE = b"limpet-node"

STATE_IN_HEADER = 4096  # bytes of state, before base64
TTL_LIMIT = 10 * 366 * 86400  # seconds

# 16 bytes are 22 characters, the last of which has four spare bits: each id has one spelling.
_ID = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,15}")
# Id, version and TTL, which are all that nearly each request has: one look instead of three.
_USUAL = re.compile(rb"([A-Za-z0-9_-]{21}[AQgw]) (0|[1-9][0-9]{0,14}) ([1-9][0-9]{0,7})")
_PREFIX = b"limpet-"
_FIRST = frozenset({b"l", b"L"})  # (`in b"lL"` first takes it for a number, which makes 1,800 instructions)


class Malformed(ValueError):
    """A header, path or line that the contract does not know: 400, and nothing has changed."""


def split(headers: Iterable[Header]) -> tuple[list[Header], dict[bytes, bytes]]:
    """The headers for the app, and the contract's by lower-case name.

    One that comes twice is joined by a comma, which no value may hold. The app does not see
    `limpet_session` either, which CGI's rules would make the same variable of.
    """
    apps: list[Header] = []
    ours: dict[bytes, bytes] = {}
    for header in headers:
        name, value = header
        if name[:1] not in _FIRST:  # nearly all
            apps.append(header)
        elif (full := name.lower()).startswith(_PREFIX):
            ours[full] = ours[full] + b"," + value if full in ours else value
        elif not full.startswith(b"limpet_"):
            apps.append(header)
    return apps, ours


def without_ours(headers: Iterable[Header]) -> list[Header]:
    """A response's headers without any that only the SDK may set."""
    return [header for header in headers if header[0][:1] not in _FIRST or header[0][:7].lower() != _PREFIX]


def session_id(text: str) -> str:
    """A session id. Raises Malformed unless it is 16 bytes as base64url without padding."""
    if not _ID.fullmatch(text):
        raise Malformed("a session id must be 16 bytes as base64url, 22 characters")
    return text


def number(raw: bytes, name: str, least: int, limit: int = VERSION_LIMIT) -> int:
    """A decimal integer from `least` to below `limit`. Raises Malformed."""
    value = int(raw) if _NUMBER.fullmatch(raw) else -1
    if not least <= value < limit:
        raise Malformed(f"{name} must be an integer from {least} to {limit - 1}")
    return value


def ttl(raw: bytes) -> int:
    """Seconds. Raises Malformed."""
    return number(raw, "Limpet-TTL", 1, TTL_LIMIT)


def unpack(raw: bytes | memoryview | str, name: str) -> bytes:
    """Base64 with padding (RFC 4648, section 4) into bytes. Raises Malformed for any other spelling."""
    try:
        # Leaves out what is no base64 and stops at padding, so the state is too short. Strict mode takes as
        # long again, and lets spare bits pass.
        state = binascii.a2b_base64(raw)
    except ValueError:
        raise Malformed(f"{name} must be base64 with padding") from None
    end = raw[-4:].encode() if isinstance(raw, str) else bytes(raw[-4:])
    if len(raw) % 4 or pack(state[len(raw) // 4 * 3 - 3 :]) != end:
        raise Malformed(f"{name} must be base64 with padding")
    return state


def pack(state: bytes) -> bytes:
    """Bytes as base64 with padding."""
    return binascii.b2a_base64(state, newline=False)


def read_request(ours: Mapping[bytes, bytes]) -> Request | None:
    """What a request with a right key says of its session; None: it says nothing. Raises Malformed."""
    if len(ours) == 4 and KEY in ours:
        said = b"%b %b %b" % (ours.get(SESSION, b""), ours.get(VERSION, b""), ours.get(TTL, b""))
        if usual := _USUAL.fullmatch(said):
            return Request(usual[1].decode(), int(usual[2]), None, 0, int(usual[3]))
    return _read_request(ours)


def _read_request(ours: Mapping[bytes, bytes]) -> Request | None:
    """Any, field by field."""
    if ours.keys() <= {KEY}:
        return None
    state = unpack(ours[STATE], "Limpet-State") if STATE in ours else None
    if state is not None and len(state) > STATE_IN_HEADER:
        raise Malformed(f"Limpet-State must be at most {STATE_IN_HEADER} bytes of state")
    version = number(ours.get(VERSION, b""), "Limpet-Version", 0 if state is None else 1)
    return Request(
        session_id(ours.get(SESSION, b"").decode("latin-1")),
        version,
        state,
        number(ours[TAKEOVER], "Limpet-Takeover", 1) if TAKEOVER in ours else 0,
        ttl(ours.get(TTL, b"")),
        number(ours[STALE], "Limpet-Stale", 1) if STALE in ours else 0,
    )


def read_page(query: bytes, most: int) -> tuple[str, int]:
    """`after` and `limit` of a list's query. Raises Malformed."""
    try:
        given = parse_qs(query.decode("ascii"), keep_blank_values=True, strict_parsing=True) if query else {}
    except ValueError:
        raise Malformed("the query must be after=ID&limit=N") from None
    if not given.keys() <= {"after", "limit"} or any(len(values) > 1 for values in given.values()):
        raise Malformed("the query must be after=ID&limit=N")
    after = given.get("after", [""])[0]
    limit = number(given.get("limit", [str(most)])[0].encode(), "limit", 1)
    return session_id(after) if after else "", min(limit, most)
