"""Reads one HTTP/1.1 response of a session endpoint from bytes as they come (RFC 9112)."""

import re
from functools import lru_cache
from typing import NamedTuple

from sessions.contract.headers import ContractFault, read_number

MOST_HEAD = 16 * 1024  # bytes
MOST_BODY = 64 * 1024 * 1024

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,12}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\r\n]*)?\r\n")
_CHUNKED, _TO_THE_END = -1, -2


class Garbled(Exception):
    """What came is no HTTP/1.1 response, or too large for one of these."""


class Reply(NamedTuple):
    """A response; `version`: 0 where it says none. `kept`: the connection may carry another request.

    `node`: the name of whoever keeps the sessions, where it says one.
    """

    status: int
    body: bytes
    version: int
    serving: bool
    kept: bool
    node: bytes = b""


def read_whole(data: bytes) -> Reply | None:
    """The response that `data` is, all of it, as nearly all of them come; None: it is for a reader.

    Raises Garbled.
    """
    raw, end, body = data.partition(b"\r\n\r\n")
    if not end or len(raw) > MOST_HEAD:
        return None
    head = _read_head(raw)
    if head is None or head.expected != len(body):
        return None
    return Reply(head.status, body, head.version, head.serving, head.kept, head.node)


class ReplyReader:
    """One response. `feed` and `end` return it when it is whole."""

    __slots__ = ("_body", "_buffer", "_expected", "_kept", "_scanned", "_size", "_started", "_told")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._started = False  # the head has been read
        self._expected = 0  # bytes of body, _CHUNKED or _TO_THE_END
        self._body: list[bytes] = []  # of chunks
        self._size = 0
        self._kept = True
        self._told = (0, 0, False, b"")

    def feed(self, data: bytes) -> Reply | None:
        """More bytes. Raises Garbled."""
        self._buffer += data
        while not self._started:
            end = self._buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
            self._scanned = len(self._buffer)
            if max(end, 0) > MOST_HEAD or (end < 0 and self._scanned > MOST_HEAD):
                raise Garbled("the head is too large")
            if end < 0:
                return None
            head = bytes(self._buffer[:end])
            del self._buffer[: end + 4]
            self._scanned = 0
            self._read_head(head)
        return self._read_body()

    def end(self) -> Reply:
        """The connection has ended. Raises Garbled where the response has not."""
        if not self._started or self._expected != _TO_THE_END:
            raise Garbled("the connection ended within the response")
        self._kept = False
        return self._whole(bytes(self._buffer))

    def _read_head(self, raw: bytes) -> None:
        head = _read_head(raw)
        if head is None:
            return  # interim: another head follows
        self._kept, self._expected = head.kept, head.expected
        self._told = head.status, head.version, head.serving, head.node
        self._started = True

    def _read_body(self) -> Reply | None:
        if self._expected == _CHUNKED:
            return self._read_chunks()
        if self._expected == _TO_THE_END or len(self._buffer) < self._expected:
            if len(self._buffer) > MOST_BODY:
                raise Garbled("the body is too large")
            return None
        body = bytes(self._buffer[: self._expected])
        self._kept &= len(self._buffer) == self._expected
        return self._whole(body)

    def _read_chunks(self) -> Reply | None:
        buffer, at = self._buffer, 0
        while (line := _CHUNK.match(buffer, at)) is not None:
            size = int(line[1], 16)
            if not size:
                if buffer[line.end() : line.end() + 2] == b"\r\n":
                    self._kept &= len(buffer) == line.end() + 2
                    return self._whole(b"".join(self._body))
                if len(buffer) >= line.end() + 2:
                    raise Garbled("trailers are not understood")
                break
            if len(buffer) < line.end() + size + 2:
                break
            if buffer[line.end() + size : line.end() + size + 2] != b"\r\n":
                raise Garbled("a chunk is longer than it says")
            self._body.append(bytes(buffer[line.end() : line.end() + size]))
            self._size += size
            at = line.end() + size + 2
        del buffer[:at]
        if self._size + len(buffer) > MOST_BODY:
            raise Garbled("the body is too large")
        if buffer.find(b"\r\n", 0, 256) < 0 and len(buffer) >= 256:
            raise Garbled("the size of a chunk is too long")
        if b"\r\n" in buffer[:256] and _CHUNK.match(buffer) is None:
            raise Garbled("the size of a chunk is none")
        return None

    def _whole(self, body: bytes) -> Reply:
        status, version, serving, node = self._told
        return Reply(status, body, version, serving, self._kept, node)


class _Head(NamedTuple):
    """What a head says."""

    status: int
    version: int
    serving: bool
    kept: bool
    expected: int  # bytes of body, _CHUNKED or _TO_THE_END
    node: bytes


@lru_cache(maxsize=64)  # nearly all are one that came within the same second: 10 us, of 100 for an answer
def _read_head(raw: bytes) -> _Head | None:
    """None: an interim response. Raises Garbled."""
    first, *lines = raw.split(b"\r\n")
    status_line = _STATUS.fullmatch(first)
    if status_line is None:
        raise Garbled("the status line is none")
    status = int(status_line[2])
    if status < 200:
        return None
    fields = _fields(lines)
    try:
        version = read_number(fields.get(b"limpet-version", b"0"), "Limpet-Version")
    except ContractFault as fault:
        raise Garbled(str(fault)) from None
    kept = status_line[1] == b"1" and b"close" not in fields.get(b"connection", b"").lower()
    serving, node = fields.get(b"limpet-serving") == b"1", fields.get(b"limpet-node", b"")
    return _Head(status, version, serving, kept, _expected(status, fields), node)


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Garbled("a field is none")
        name = field[1].lower()
        fields[name] = fields[name] + b"," + field[2] if name in fields else field[2]
    return fields


def _expected(status: int, fields: dict[bytes, bytes]) -> int:
    """How the body ends (RFC 9112 section 6.3)."""
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != b"chunked":
            raise Garbled("the transfer coding is not understood")
        return _CHUNKED
    if length is not None and _LENGTH.fullmatch(length) is None:
        raise Garbled("Content-Length is no number")
    if length is not None and int(length) > MOST_BODY:
        raise Garbled("the body is too large")
    if status == 204 or status == 304:
        return 0
    return _TO_THE_END if length is None else int(length)
