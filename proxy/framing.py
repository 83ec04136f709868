"""How a message is framed on its way out: what says where it ends, and what becomes of the connection."""

from proxy.fields import FieldList, write_fields
from proxy.response import ResponseHead

CHUNKED = b"Transfer-Encoding: chunked\r\n"


def framing(head: ResponseHead, bodyless: bool, minor: int) -> bytes:
    """The field that says where the body ends, for the client's version (RFC 9112, 6.3); b"": none does."""
    if head.status == 204:
        return b""
    if head.length >= 0:
        return b"Content-Length: %d\r\n" % head.length
    return b"" if bodyless or head.status == 304 or minor == 0 else CHUNKED


def connection_line(keep: bool, minor: int) -> bytes:
    """What needs to be said of the connection (RFC 9112 section 9.3)."""
    if keep:
        return b"" if minor == 1 else b"Connection: keep-alive\r\n"
    return b"Connection: close\r\n"


def chunk(data: bytes) -> bytes:
    """Data as one chunk, nothing for nothing (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(data: bytes, trailers: FieldList) -> bytes:
    """The last data, the last chunk and the trailer section."""
    return b"%b0\r\n%b\r\n" % (chunk(data), write_fields(trailers))
