"""A small strict reader of messages, written apart from the proxy's: what the ends of a test understood."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.corpus.case import Fields

PATIENCE = 60.0  # seconds after which a test fails; nothing waits for it to pass


class CutShort(Exception):
    """The connection ended inside a message."""


@dataclass
class Message:
    """A message that arrived whole, its field names in lower case; `interim`: the 1xx before an answer."""

    start: bytes
    fields: Fields
    body: bytes = b""
    trailers: Fields = ()
    interim: list["Message"] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.start[9:12])

    def values(self, name: bytes) -> list[bytes]:
        return [value for known, value in self.fields if known == name]


def split_fields(lines: list[bytes]) -> Fields:
    pairs = [line.split(b":", 1) for line in lines]
    return tuple((name.lower(), value.strip(b" \t")) for name, value in pairs)


class Stream:
    """Messages out of the bytes of one connection."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.reset = False  # the connection was reset

    async def head(self) -> Message | None:
        """The next head, or None where the connection ends between messages."""
        raw = await self._until(b"\r\n\r\n", at_start=True)
        if raw is None:
            return None
        start, *lines = raw[:-4].split(b"\r\n")
        return Message(start, split_fields(lines))

    async def request(self) -> Message | None:
        message = await self.head()
        if message is not None:
            await self._body(message, to_the_end=False)
        return message

    async def answer(self, method: bytes = b"GET") -> Message | None:
        """The next final answer to a request of that method, with the 1xx before it."""
        interim: list[Message] = []
        while (message := await self.head()) is not None and message.status < 200 and message.status != 101:
            interim.append(message)
        if message is None:
            return None
        message.interim = interim
        if method != b"HEAD" and message.status not in (101, 204, 304):
            await self._body(message, to_the_end=True)
        return message

    async def rest(self) -> bytes:
        """Everything until the connection ends."""
        parts = []
        with self._ending():
            while data := await asyncio.wait_for(self._reader.read(65536), PATIENCE):
                parts.append(data)
        return b"".join(parts)

    async def _body(self, message: Message, to_the_end: bool) -> None:
        lengths, codings = message.values(b"content-length"), message.values(b"transfer-encoding")
        assert len(lengths) + len(codings) <= 1, f"two lengths: {message}"
        if codings:
            assert codings == [b"chunked"]
            await self._chunks(message)
        elif lengths:
            message.body = await self._exactly(int(lengths[0]))
        elif to_the_end:
            message.body = await self.rest()
            if self.reset:
                raise CutShort

    async def _chunks(self, message: Message) -> None:
        parts = []
        while size := int(await self._line(), 16):
            parts.append((await self._exactly(size + 2))[:-2])
        lines = []
        while line := await self._line():
            lines.append(line)
        message.body, message.trailers = b"".join(parts), split_fields(lines)

    async def _line(self) -> bytes:
        line = await self._until(b"\r\n")
        assert line is not None
        return line[:-2]

    async def _exactly(self, size: int) -> bytes:
        with self._ending():
            return await asyncio.wait_for(self._reader.readexactly(size), PATIENCE)
        raise CutShort

    async def _until(self, separator: bytes, at_start: bool = False) -> bytes | None:
        try:
            return await asyncio.wait_for(self._reader.readuntil(separator), PATIENCE)
        except asyncio.IncompleteReadError as error:
            if at_start and not error.partial:
                return None
            raise CutShort from error
        except ConnectionResetError:
            self.reset = True
            if at_start:
                return None
            raise CutShort from None

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except asyncio.IncompleteReadError:
            raise CutShort from None
        except ConnectionResetError:
            self.reset = True


def pieces(wire: bytes, bytewise: bool) -> list[bytes]:
    """The whole, or every byte of it; the middle of what is only long goes in larger parts."""
    if not bytewise:
        return [wire]
    singly = [wire[index : index + 1] for index in range(min(len(wire), 2000))]
    return singly + [wire[index : index + 997] for index in range(2000, len(wire), 997)]


async def send(writer: asyncio.StreamWriter, wire: bytes, bytewise: bool, ends: bool = False) -> None:
    """Write it until the other side has closed; the loop turns after each piece, so that it arrives alone."""
    for piece in pieces(wire, bytewise):
        if writer.transport.is_closing():
            return
        writer.write(piece)
        await asyncio.sleep(0)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
        if ends and not writer.transport.is_closing():
            writer.write_eof()
