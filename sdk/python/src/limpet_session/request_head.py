"""Reads the head of a request to the endpoint: the little of HTTP/1.1 that is needed there (RFC 9112)."""

import re
from typing import NamedTuple

_START = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++) (/[!-~]*+) HTTP/1\.1\r\n")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+((?:[!-~\x80-\xff]++(?:[ \t]++[!-~\x80-\xff]++)*+)?+)[ \t]*+\r\n"
)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_LENGTH_FIELD = b"\r\nContent-Length: "
_LENGTH_LINE = re.compile(rb"([0-9]{1,15})\r\n")


class Unreadable(Exception):
    """A head that is not read. `status`: of the answer, after which the connection ends."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Head(NamedTuple):
    """What a request says before its body. `fields`: by lower-case name, joined where one comes twice, and
    without the length."""

    method: str
    path: str
    query: bytes
    fields: dict[bytes, bytes]
    length: int  # of the body
    last: bool  # the connection is to end after it


class HeadReader:
    """Reads the heads of a connection. Limpet's say the same each time but for the length, which comes last:
    then that is all that is read."""

    __slots__ = ("_head", "_start")

    def __init__(self) -> None:
        self._head: Head | None = None  # the last one, if its length came last
        self._start = b""  # of that one, up to its length

    def read(self, raw: bytes) -> Head:
        """A head, its empty line left out. Raises Unreadable."""
        start, name, line = raw.rpartition(_LENGTH_FIELD)
        length = _LENGTH_LINE.fullmatch(line) if name else None
        before = self._head
        if before is not None and length is not None and start == self._start:
            return Head(before.method, before.path, before.query, before.fields, int(length[1]), before.last)
        head = read_head(raw)
        self._head, self._start = (head, start) if length is not None else (None, b"")
        return head


def read_head(raw: bytes) -> Head:
    """A head, its empty line left out. Raises Unreadable."""
    start = _START.match(raw)
    if start is None:
        raise Unreadable(400, "the request line must be METHOD /PATH HTTP/1.1")
    fields = _read_fields(raw, start.end())
    if b"," in fields.get(b"host", b","):
        raise Unreadable(400, "there must be one Host")
    if b"transfer-encoding" in fields:
        raise Unreadable(411, "a body needs Content-Length, and no Transfer-Encoding")
    if b"expect" in fields:
        raise Unreadable(417, "nothing can be expected: send the body at once")
    length = fields.pop(b"content-length", b"0")
    if not _LENGTH.fullmatch(length):
        raise Unreadable(400, "Content-Length must be one number")
    last = b"connection" in fields and b"close" in re.split(rb"[ \t]*,[ \t]*", fields[b"connection"].lower())
    path, _, query = start[2].partition(b"?")
    return Head(start[1].decode(), path.decode(), query, fields, int(length), last)


def _read_fields(raw: bytes, at: int) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    while at < len(raw):
        field = _FIELD.match(raw, at)
        if field is None:
            raise Unreadable(400, "a field must be NAME: VALUE, on a line of its own")
        name, value = field[1].lower(), field[2]
        fields[name] = fields[name] + b"," + value if name in fields else value
        at = field.end()
    return fields
