"""What a case of the corpus is, and the few builders that its tables are written with."""

from dataclasses import dataclass, field

Fields = tuple[tuple[bytes, bytes], ...]

# Sent after every refused request: whoever is led astray about where that one ends serves this one.
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"

BAD_REQUEST = frozenset({400})


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that gets an error and a closed connection, and of which a node sees nothing.

    `in_body`: the head is fine, so a node may have seen it, but never a whole request. `answered`: how many
    good requests stand before it and are answered first. `alone`: `NEXT` must not be sent after it.
    """

    name: str
    wire: bytes
    source: str
    statuses: frozenset[int] = BAD_REQUEST
    in_body: bool = False
    answered: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as a node must have understood it.

    `fields`: all the values that the node has for these names. `absent`: names that it has none for.
    """

    method: bytes = b"GET"
    target: bytes = b"/"
    host: bytes | None = b"a.example"  # None: any, but one
    fields: Fields = ()
    absent: tuple[bytes, ...] = ()
    body: bytes = b""
    trailers: Fields = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """Requests on one connection that must arrive as understood, each answered in its turn.

    `kept`: whether the connection can be used again afterwards.
    """

    name: str
    wire: bytes
    source: str
    seen: tuple[Seen, ...] = field(default=(Seen(),))
    kept: bool = True


@dataclass(frozen=True, slots=True)
class BadAnswer:
    """What a node says to a GET and is not believed: 502, and its connection is closed.

    `in_body`: the head is fine, so the client may have it, but never a whole answer.
    """

    name: str
    wire: bytes
    source: str
    in_body: bool = False


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """What a node says before its connection ends too early: 502, or an answer that looks cut short.

    `reset`: the node's connection is reset instead of closed.
    """

    name: str
    wire: bytes
    source: str
    asked: bytes = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    reset: bool = False


@dataclass(frozen=True, slots=True)
class GoodAnswer:
    """A valid answer, however odd, and what the client must make of it.

    `closes`: the node closes behind it. `reusable`: the connection to the node serves the next request too.
    `kept`: so does the client's. `fields`: what the client has for these names. `absent`: names without any.
    """

    name: str
    wire: bytes
    source: str
    status: int = 200
    body: bytes = b""
    fields: Fields = ()
    absent: tuple[bytes, ...] = ()
    trailers: Fields = ()
    interim: tuple[int, ...] = ()
    asked: bytes = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    closes: bool = False
    reusable: bool = True
    kept: bool = True


def request(
    *lines: bytes,
    method: bytes = b"GET",
    target: bytes = b"/",
    version: bytes = b"HTTP/1.1",
    host: bytes | None = b"a.example",
    body: bytes = b"",
) -> bytes:
    """A request with these field lines after its Host."""
    hosts = [] if host is None else [b"Host: " + host]
    head = b"\r\n".join([method + b" " + target + b" " + version, *hosts, *lines])
    return head + b"\r\n\r\n" + body


def post(*lines: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return request(*lines, method=b"POST", body=body, version=version)


def chunked(body: bytes, *lines: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


def answer(
    *lines: bytes, status: bytes = b"200 OK", version: bytes = b"HTTP/1.1", body: bytes = b""
) -> bytes:
    return b"\r\n".join([version + b" " + status, *lines]) + b"\r\n\r\n" + body


def shown(raw: bytes) -> str:
    """Bytes as a case's name shows them."""
    text = raw if len(raw) <= 40 else raw[:30] + b"... (%d bytes)" % len(raw)
    return repr(text)[2:-1]


CONTROLS = tuple(bytes([code]) for code in (*range(0x20), 0x7F) if bytes([code]) not in b"\t\r\n")
