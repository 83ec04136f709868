"""A chunked body read byte after byte, straight from RFC 9112 section 7.1: slow, and easy to believe."""

from proxy.body import EXTENSION_ALLOWANCE, EXTENSION_FREE
from tests.fuzz.strategies import TCHARS

HEX = b"0123456789abcdefABCDEF"
TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])


class Wrong(Exception):
    """Not a chunked body."""


class Unfinished(Exception):
    """As far as it goes, nothing is wrong."""


class Cursor:
    """The place that has been read to."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def peek(self) -> int:
        if self.at == len(self.data):
            raise Unfinished
        return self.data[self.at]

    def take(self, allowed: bytes) -> int:
        byte = self.peek()
        if byte not in allowed:
            raise Wrong
        self.at += 1
        return byte

    def run(self, allowed: bytes) -> bytes:
        start = self.at
        while self.peek() in allowed:
            self.at += 1
        return self.data[start : self.at]

    def crlf(self) -> None:
        self.take(b"\r")
        self.take(b"\n")


def read_chunked(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Payload, trailers and rest. Raises Wrong or Unfinished."""
    cursor, payload, allowance = Cursor(data), b"", EXTENSION_ALLOWANCE
    while True:
        digits = cursor.run(HEX)
        if not 1 <= len(digits) <= 15:
            raise Wrong
        start = cursor.at
        read_extensions(cursor)
        extension = cursor.at - start
        cursor.crlf()
        size = int(digits, 16)
        allowance = min(EXTENSION_ALLOWANCE, allowance + EXTENSION_FREE + 2 * size - extension)
        if extension and allowance < 0:
            raise Wrong
        if size == 0:
            return payload, read_trailers(cursor), data[cursor.at :]
        payload += data[cursor.at : cursor.at + size]
        if cursor.at + size > len(data):
            raise Unfinished
        cursor.at += size
        cursor.crlf()


def read_extensions(cursor: Cursor) -> None:
    while cursor.peek() in b" \t;":
        cursor.run(b" \t")
        cursor.take(b";")
        cursor.run(b" \t")
        cursor.take(TCHARS)
        cursor.run(TCHARS)
        before = cursor.at
        cursor.run(b" \t")
        if cursor.peek() != 0x3D:
            cursor.at = before
            continue
        cursor.take(b"=")
        cursor.run(b" \t")
        read_value(cursor)


def read_value(cursor: Cursor) -> None:
    if cursor.peek() != 0x22:
        cursor.take(TCHARS)
        cursor.run(TCHARS)
        return
    cursor.take(b'"')
    while (byte := cursor.take(TEXT)) != 0x22:
        if byte == 0x5C:
            cursor.take(TEXT)


def read_trailers(cursor: Cursor) -> list[tuple[bytes, bytes]]:
    trailers = []
    while cursor.peek() != 0x0D:
        start = cursor.at
        cursor.take(TCHARS)
        cursor.run(TCHARS)
        name = cursor.data[start : cursor.at]
        cursor.take(b":")
        trailers.append((name, cursor.run(TEXT).strip(b" \t")))
        cursor.crlf()
    cursor.crlf()
    return trailers
