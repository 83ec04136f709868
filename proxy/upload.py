"""A request's body on its way to a node: read, bounded, framed anew, kept as long as it may be sent again."""

from proxy.body import Body, ChunkedBody, LengthBody
from proxy.faults import Malformed
from proxy.fields import FieldKinds
from proxy.framing import chunk, last_chunk
from proxy.options import Limits
from proxy.request import RequestFields

TOO_LARGE = "The request's body is larger than {} bytes."


def begin_upload(fields: RequestFields, limits: Limits, kinds: FieldKinds) -> "Upload":
    """The body that these fields announce. Raises Malformed (413)."""
    if fields.chunked:
        body = ChunkedBody(trailer_limit=limits.line, headers=limits.headers)
        return Upload(body, limits.body, kinds)
    if fields.length > limits.body:
        raise Malformed(413, "body_too_large", TOO_LARGE.format(limits.body))
    return Upload(LengthBody(fields.length), limits.body, kinds)


class Upload:
    """`parts`: what was read, as a node is sent it; kept until `forget`."""

    __slots__ = ("_body", "_kinds", "_limit", "_parts", "kept", "received", "whole")

    def __init__(self, body: Body, limit: int, kinds: FieldKinds) -> None:
        self._body = body
        self._limit = limit
        self._kinds = kinds
        self._parts: list[bytes] | None = []
        self.kept = 0  # bytes in parts
        self.received = 0  # bytes of payload
        self.whole = False

    def feed(self, data: bytes) -> bytes:
        """What a node is to be sent for this data. Raises Malformed (400, 413)."""
        body = self._body
        payload = body.feed(data)
        self.received += len(payload)
        if self.received > self._limit:
            raise Malformed(413, "body_too_large", TOO_LARGE.format(self._limit))
        self.whole = body.done
        if isinstance(body, ChunkedBody):
            payload = self._chunk(payload, body)
        if self._parts is not None:
            self._parts.append(payload)
            self.kept += len(payload)
        return payload

    @property
    def rest(self) -> bytes:
        """What came after the body's end."""
        return self._body.rest

    @property
    def replay(self) -> bytes | None:
        """All that was read, to be sent to a node; None where it was forgotten."""
        return None if self._parts is None else b"".join(self._parts)

    def forget(self) -> None:
        """It has been sent, and will not be sent again."""
        self._parts = None

    def _chunk(self, payload: bytes, body: ChunkedBody) -> bytes:
        if not body.done:
            return chunk(payload)
        return last_chunk(payload, [field for field in body.trailers if not self._kinds[field[0]]])
