"""What is measured: each row of the table, as work that a client does again and again."""

from dataclasses import dataclass
from enum import Enum

from bench.answers import UPLOAD

SERIAL = b"00000000"  # replaced by a number of its own in each request of varied work


class Kind(Enum):
    """What a client speaks to a proxy."""

    HTTP = "http"
    TLS = "tls"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Work:
    """One row: `clients` browsers, each with its own connection and cookie, one request after the other."""

    title: str
    path: bytes
    clients: int
    upload: int = 0  # bytes sent with each request
    fresh: bool = False  # a new connection for each request; the cookie stays
    varied: bool = False  # no head like another, both ways: nothing that a proxy remembers helps it
    kind: Kind = Kind.HTTP
    moves: int = 0  # bytes of body for each request, where these are what counts

    def request(self, cookie: bytes) -> bytes:
        """The whole request, with the fields that nearly every client sends."""
        method = b"POST" if self.upload else b"GET"
        lines = [
            method + b" " + self.path + b" HTTP/1.1",
            b"Host: bench.example",
            b"User-Agent: bench/1.0 (as long as a short one)",
            b"Accept: */*",
            b"Accept-Encoding: gzip, deflate",
        ]
        if self.varied:
            lines.append(b"X-Serial: " + SERIAL)
        if cookie:
            lines.append(b"Cookie: " + cookie)
        if self.upload:
            lines.append(b"Content-Type: application/octet-stream")
            lines.append(b"Content-Length: %d" % self.upload)
        if self.fresh:
            lines.append(b"Connection: close")
        return b"\r\n".join(lines) + b"\r\n\r\n" + b"u" * self.upload


SMALL = Work("64 bytes, keep-alive", b"/64", 32)
ALL = (
    SMALL,
    Work("64 bytes, no two heads alike", b"/varied?" + SERIAL, 32, varied=True),
    Work("16 KiB, keep-alive", b"/16k", 32),
    Work("1 MiB download", b"/1m", 8, moves=UPLOAD),
    Work("1 MiB upload", b"/upload", 8, upload=UPLOAD, moves=UPLOAD),
    Work("new connection for each request", b"/64", 32, fresh=True),
    Work("64 bytes, TLS, keep-alive", b"/64", 32, kind=Kind.TLS),
    Work("WebSocket echo of 125 bytes", b"/echo", 32, kind=Kind.WEBSOCKET),
    Work("64 bytes, 256 concurrent", b"/64", 256),
)
