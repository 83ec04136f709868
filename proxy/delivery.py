"""The client's side of an exchange: what it is sent, the node's answer or one of our own."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from proxy.custody import Custody
from proxy.engine import Engine
from proxy.faults import Fault, Malformed
from proxy.fields import FieldList
from proxy.framing import chunk, last_chunk
from proxy.heads import fault_lines, response_head
from proxy.ledger import close_account
from proxy.own_answer import fault_answer
from proxy.placement import Placement
from proxy.request import RequestFields, RequestLine
from proxy.response import ResponseHead
from sessions.flags import ResponseFlag

if TYPE_CHECKING:
    from proxy.client import Client

# Phases of an exchange
WAITING: Final = 0  # nothing of the answer has been sent
ANSWERING: Final = 1
TUNNEL: Final = 2
ENDED: Final = 3

_NOT_SET: Final = ResponseFlag.N


class Delivery:
    """Of one request. What `Exchange` adds is the way to a node."""

    __slots__ = (
        "began",
        "bodyless",
        "bytes_in",
        "bytes_out",
        "chunking",
        "client",
        "connected_at",
        "custody",
        "engine",
        "fault",
        "fields",
        "first_at",
        "head",
        "keep",
        "line",
        "phase",
        "placement",
        "request_id",
        "response_flag",
        "sending",
        "status",
        "token_lines",
        "trace",
        "trailers",
    )

    def __init__(self, client: "Client", engine: Engine, line: RequestLine, fields: RequestFields) -> None:
        self.client = client
        self.engine = engine
        self.line = line
        self.fields = fields
        self.began = monotonic()
        self.connected_at = self.first_at = -1.0
        self.phase = WAITING
        self.keep = not fields.close and (line.minor == 1 or fields.keep_alive) and not engine.stopping
        self.bodyless = line.method == b"HEAD"
        self.sending = False  # the request's body is not yet read whole
        self.placement: Placement | None = None  # None: before a service was found
        self.custody: Custody | None = None  # where the nodes speak the session contract
        self.head: ResponseHead | None = None
        self.chunking = False
        self.token_lines = b""  # a token that goes out even where the exchange fails
        self.trailers: FieldList = []  # of the answer, when it has been read whole
        self.response_flag = _NOT_SET
        self.status = 0
        self.fault = ""
        self.bytes_in = line.size + len(fields.raw)
        self.bytes_out = 0
        forwarding = engine.forwarding
        self.request_id = forwarding.id_of(client.peer, fields) if fields.request_id else forwarding.new_id()
        tracing = engine.tracing
        self.trace = None if tracing is None else tracing.begin(fields.trace, client.peer.trusted)

    @property
    def placed(self) -> Placement:
        """The placement, once there is one."""
        assert self.placement is not None
        return self.placement

    def write(self, data: bytes) -> None:
        """To the client."""
        placement = self.placement
        assert placement is not None
        size = len(data)
        self.bytes_out += size
        placement.service.counters.bytes_out += size
        self.client.write(data)

    def count_in(self, size: int) -> None:
        """Bytes from the client."""
        self.bytes_in += size
        if self.placement is not None:
            self.placement.service.counters.bytes_in += size

    def interim(self, head: ResponseHead) -> None:
        """A 1xx (RFC 9110 section 15.2): 100 for who asked, the others for who knows them."""
        if self.line.minor == 1 and (head.status != 100 or self.fields.expects_continue):
            self.client.write(b"%b%b\r\n" % (head.line, head.passed))

    # Called by the exchange

    def _deliver(self, head: ResponseHead, payload: bytes, done: bool) -> None:
        """The head and the first of the body, in one write."""
        self.phase = ANSWERING
        if self.sending or self.engine.stopping:
            self.keep = False  # the client is still sending what the node did not wait for, or must go
        start = response_head(self, head)
        if self.chunking:
            payload = self._chunk(payload, done)
        self.write(start + payload)
        if done:
            self._finish()

    def _deliver_more(self, data: bytes, done: bool) -> None:
        if self.chunking:
            data = self._chunk(data, done)
        if data:
            self.write(data)
        if done:
            self._finish()

    def _answer_fault(self, fault: Fault) -> None:
        self.head = None  # a node's answer that was held is not what the client gets
        if isinstance(fault, Malformed) or self.sending or self.engine.stopping:
            self.keep = False
        accept = self.fields.find(b"accept")
        pages = self.engine.error_pages
        lines = fault_lines(self, fault)
        data = fault_answer(fault, pages, accept, self.request_id, self.bodyless, self.keep, lines)
        self._end_here(fault.status, data)

    def _end_here(self, status: int, data: bytes) -> None:
        self.phase = ENDED
        self.status = status
        self.bytes_out += len(data)
        if self.placement is not None:
            self.placement.service.counters.bytes_out += len(data)
        self.client.write(data)
        self._settle_up()
        self.client.ended(self.keep)

    @property
    def _self_delimiting(self) -> bool:
        """Whether a client can tell by the bytes alone that the answer is not whole."""
        return self.chunking or (self.head is not None and self.head.length >= 0)

    def _chunk(self, data: bytes, done: bool) -> bytes:
        if not done:
            return chunk(data)
        kinds = self.engine.response_kinds
        return last_chunk(data, [field for field in self.trailers if not kinds[field[0]]])

    def _finish(self) -> None:
        """The answer is whole."""
        self.phase = ENDED
        self._settle_up()
        self.client.ended(self.keep)

    def _settle_up(self) -> None:
        """Count it, and let go of what holds it: two that hold each other are left to Python's collector.

        With this one and the runs' (`Asking.close`) each write left it 31 objects to find.
        """
        close_account(self)
        self.custody = None
