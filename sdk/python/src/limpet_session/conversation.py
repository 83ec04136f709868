"""One connection to the endpoint at an address of its own, without any I/O: from bytes to calls, and back."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from limpet_session.endpoint import Call, Reply, forbidden, framed, say, too_large
from limpet_session.request_head import Head, HeadReader, Unreadable

HEAD_LIMIT = 16 * 1024  # bytes
IDLE_SECONDS = 75.0  # a connection without a request; longer than a proxy keeps one
_STARTS = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}


class Desk(Protocol):
    """Who knows what a call must be like before its body is read."""

    @property
    def max_body(self) -> int:
        """Bytes."""

    def rest(self, path: str) -> str | None:
        """What follows the endpoint's path; None: it is another path."""

    def trusts(self, ours: Mapping[bytes, bytes]) -> bool:
        """Whether there is a right key among the headers."""


class Conversation:
    """`feed` it, and take calls from `next`; each has to be answered before the next one is taken."""

    __slots__ = ("_at", "_desk", "_head", "_parts", "_reader", "_scanned", "_size", "over")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._parts: list[bytes] = []  # what has come and is not a call yet: joined once, when it is one
        self._size = 0  # bytes of them
        self._scanned = 0  # bytes in which there is no end of a head
        self._reader = HeadReader()
        self._head: Head | None = None  # of the call whose body is yet to come, or that is to be answered
        self._at = 0  # where the body begins
        self.over = False  # the connection is to be closed once the answer has been sent

    def feed(self, data: bytes) -> None:
        """More bytes of the client's."""
        self._parts.append(data)
        self._size += len(data)

    def next(self) -> Call | Reply | None:
        """A call that has come whole; a refusal, with which it is over; None: more bytes are needed."""
        if not self._parts:
            return None
        try:
            if self._head is None and not self._begin():
                return None
        except Unreadable as error:
            return self._refuse(say(error.status, str(error)))
        return self._whole()

    def answer(self, reply: Reply) -> bytes:
        """The bytes of an answer to what came last from `next`."""
        told = [*framed(reply), (b"connection", b"close")] if self.over else framed(reply)
        body = b"" if self._head is not None and self._head.method == "HEAD" else reply.body
        self._head = None
        return b"".join([_STARTS[reply.status], *[b"%b: %b\r\n" % header for header in told], b"\r\n", body])

    def _begin(self) -> bool:
        """Read the next head; False: it has not come whole. Raises Unreadable."""
        raw = self._joined()
        end = raw.find(b"\r\n\r\n", max(0, self._scanned - 3), HEAD_LIMIT)
        self._scanned = len(raw)
        if end < 0:
            if self._scanned >= HEAD_LIMIT:
                raise Unreadable(431, f"a head may be {HEAD_LIMIT} bytes")
            return False
        self._head = head = self._reader.read(raw[: end + 2])
        self._at = end + 4
        self._scanned = 0
        self.over = head.last
        return True

    def _whole(self) -> Call | Reply | None:
        head, desk = self._head, self._desk
        assert head is not None
        rest = desk.rest(head.path)
        if rest is None:
            return self._refuse(say(404, "nothing here"))
        if not desk.trusts(head.fields):
            return self._refuse(forbidden())
        if head.length > desk.max_body:
            return self._refuse(too_large(desk.max_body))
        end = self._at + head.length
        if self._size < end:
            return None
        raw = self._joined()
        self._parts = [raw[end:]] if self._size > end else []
        self._size -= end
        return Call(head.method, rest, head.query, head.fields, raw[self._at : end])

    def _joined(self) -> bytes:
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def _refuse(self, reply: Reply) -> Reply:
        """What was not read of the request would pass for the next one."""
        self.over = True
        self._parts, self._size = [], 0
        return reply
