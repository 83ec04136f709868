"""Where a message body ends: the three framings of RFC 9112 section 6.3, without I/O.

A reader is fed what the connection brought, returns the payload in it, and says when the body is done
and which bytes after it belong to the next message.
"""

import re
from enum import IntEnum
from typing import Protocol

from proxy.faults import Malformed

CRLF = b"\r\n"

# RFC 9112 section 7.1: chunk-size [ chunk-ext ] CRLF. Possessive quantifiers keep every match linear.
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
EXTENSION = rb"[ \t]*+;[ \t]*+" + TOKEN + rb"(?:[ \t]*+=[ \t]*+(?:" + TOKEN + rb"|" + QUOTED + rb"))?+"
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15}+)((?:" + EXTENSION + rb")*+)\r\n")
# What an unfinished line may look like: anything else is refused at once instead of waiting for its end.
PARTIAL_CHUNK_LINE = re.compile(rb"(?:[0-9A-Fa-f]{1,15}+(?:[ \t;][\t\x20-\x7e\x80-\xff]*+)?+\r?+)?+")

# RFC 9112 section 5 and RFC 9110 section 5.5, as in a head: no fold, no space before the colon.
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*+)\r\n")
PARTIAL_FIELD_LINE = re.compile(rb"(?:" + TOKEN + rb"(?::[\t\x20-\x7e\x80-\xff]*+)?+)?+\r?+")

# Extensions may be this many bytes longer, over a whole body, than what every chunk may have: 16 bytes and
# twice its payload (CVE-2023-39326; the numbers are Go's).
EXTENSION_ALLOWANCE = 16 * 1024
EXTENSION_FREE = 16

# 1*HEXDIG in lower case, as practically everybody writes it: a dict look-up is a third cheaper than the
# pattern (0.40 against 0.62 us for a chunk of one byte).
SIZES = {b"%x\r\n" % size: size for size in range(1, 16)}


class Body(Protocol):
    """What every reader offers. `feed` must not be called once `done`."""

    @property
    def done(self) -> bool: ...

    @property
    def rest(self) -> bytes:
        """The bytes after the end of the body; only meaningful when `done`."""

    def feed(self, data: bytes) -> bytes:
        """The payload now available; raises `Malformed`."""


class LengthBody:
    """A body of Content-Length bytes (RFC 9112 section 6.2)."""

    __slots__ = ("done", "left", "rest")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        left = self.left - len(data)
        if left > 0:
            self.left = left
            return data
        self.done = True
        if not left:
            self.left = 0
            return data
        end, self.left = self.left, 0
        self.rest = data[end:]
        return data[:end]


class CloseBody:
    """A response body that ends with its connection (RFC 9112 section 6.3, rule 8)."""

    __slots__ = ()

    done = False
    rest = b""

    def feed(self, data: bytes) -> bytes:
        return data


class ChunkState(IntEnum):
    LINE = 0  # a chunk's size is next
    DATA = 1  # `left` bytes of its payload are next
    DATA_END = 2  # its CRLF is next
    TRAILERS = 3
    DONE = 4


class ChunkedBody:
    """A chunked body (RFC 9112 section 7.1).

    `line_limit` bounds a chunk's line with its extensions, `trailer_limit` the trailer section in bytes and
    `headers` its number of fields. Extensions are checked and dropped.
    """

    __slots__ = (
        "_allowance",
        "_field_limit",
        "_held",
        "_line_limit",
        "_state",
        "_trailer_left",
        "done",
        "left",
        "rest",
        "trailers",
    )

    def __init__(self, line_limit: int = 256, trailer_limit: int = 8192, headers: int = 100) -> None:
        self.done = False
        self.rest = b""
        self.left = 0
        self.trailers: list[tuple[bytes, bytes]] = []
        self._state = ChunkState.LINE
        self._held = b""
        self._line_limit = line_limit
        self._trailer_left = trailer_limit
        self._field_limit = headers
        self._allowance = EXTENSION_ALLOWANCE

    def feed(self, data: bytes) -> bytes:
        """The payload of all chunks in `data` as one object; raises `Malformed` (400; trailers 431)."""
        if self.left > len(data):  # the middle of a large chunk passes through untouched
            self.left -= len(data)
            return data
        if self._held:
            data = self._held + data
            self._held = b""
        parts: list[bytes] = []
        position = 0
        if self._state < ChunkState.TRAILERS:
            position = self._chunks(data, parts)
        if self._state == ChunkState.TRAILERS:
            position = self._trailer_section(data, position)
        if self._state == ChunkState.DONE:
            self.done = True
            self.rest = data[position:]
        else:
            self._held = data[position:]
        return b"".join(parts)

    def _chunks(self, data: bytes, parts: list[bytes]) -> int:
        """Reads chunks into `parts`; the position of what is left for later or for the trailers.

        One loop without calls, since a client chooses how small its chunks are: 0.4 us for a chunk of
        one byte, 0.9 us with a function for each state.
        """
        state, left, position, length = self._state, self.left, 0, len(data)
        while True:
            if state == 0:  # LINE; comparing with the member costs 20 ns more each time
                if found := SIZES.get(data[position : position + 3]):
                    left = found
                    position += 3
                else:
                    line = CHUNK_LINE.match(data, position, position + self._line_limit)
                    if not line:
                        self._check_partial_line(data, position)
                        break
                    position = line.end()
                    left = int(line[1], 16)
                    if line[2]:
                        self._charge(len(line[2]), left)
                    if not left:
                        self._state = ChunkState.TRAILERS
                        self.left = 0
                        return position
                state = ChunkState.DATA
            if state == 1:  # DATA
                end = position + left
                if end > length:
                    if position < length:
                        parts.append(data[position:])
                    left = end - length
                    position = length
                    break
                parts.append(data[position:end])
                position, left, state = end, 0, ChunkState.DATA_END
            if data[position : position + 2] != CRLF:
                if data[position:] not in (b"", b"\r"):
                    raise Malformed(400, "bad_chunk", "A chunk does not end where its size says.")
                break
            position += 2
            state = ChunkState.LINE
        self._state, self.left = state, left
        return position

    def _charge(self, extension: int, payload: int) -> None:
        allowance = self._allowance + EXTENSION_FREE + 2 * payload - extension
        if allowance < 0:
            raise Malformed(400, "chunk_extensions", "The chunk extensions outweigh what they come with.")
        self._allowance = min(allowance, EXTENSION_ALLOWANCE)

    def _check_partial_line(self, data: bytes, position: int) -> None:
        if len(data) - position >= self._line_limit:
            raise Malformed(400, "bad_chunk", "A chunk's line is too long or not a hexadecimal size.")
        if not PARTIAL_CHUNK_LINE.fullmatch(data, position):
            raise Malformed(400, "bad_chunk", "A chunk's line is not a hexadecimal size, extensions, CRLF.")

    def _trailer_section(self, data: bytes, position: int) -> int:
        """Reads whole trailer lines; the position of the first unfinished one, or of the end."""
        while data[position : position + 2] != CRLF:
            line = FIELD_LINE.match(data, position)
            if not line:
                if len(data) - position > self._trailer_left:
                    raise Malformed(431, "trailers_too_large", "The trailer section is too large.")
                if not PARTIAL_FIELD_LINE.fullmatch(data, position):
                    raise Malformed(400, "bad_trailer", "A trailer is not a name, a colon and a value.")
                return position
            self._trailer_left -= line.end() - position
            if self._trailer_left < 0 or len(self.trailers) >= self._field_limit:
                raise Malformed(431, "trailers_too_large", "The trailer section is too large.")
            self.trailers.append((line[1], line[2].strip(b" \t")))
            position = line.end()
        self._state = ChunkState.DONE
        return position + 2
