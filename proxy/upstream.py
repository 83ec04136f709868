"""A connection to a node: reads its answers."""

import asyncio
import select
from typing import TYPE_CHECKING, Final, cast

from proxy.body import Body, ChunkedBody, CloseBody, LengthBody
from proxy.faults import Fault, NodeFault
from proxy.fields import FieldKinds, FieldList
from proxy.grammar import FORBIDDEN
from proxy.inflow import LONG_READ, Inflow
from proxy.options import Limits, ServiceOptions
from proxy.pool import Pool
from proxy.response import ResponseHead, read_again, read_head
from proxy.wheel import NEVER, Wheel

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.tunnel import Tunnel

_END: Final = b"\r\n\r\n"
_REMEMBERED: Final = 4096  # a head up to this many bytes is kept, to be recognised when it comes again


# States of a connection
IDLE: Final = 0  # no exchange: nothing may arrive
HEAD: Final = 1  # an exchange waits for the answer's head
BODY: Final = 2
TUNNEL: Final = 3
CLOSED: Final = 4


class Upstream:
    """One connection to a node, and the answer that is being read from it."""

    __slots__ = (
        "_body",
        "_finished",
        "_head",
        "_held",
        "_inflow",
        "_kinds",
        "_limits",
        "_limpet",
        "_options",
        "_pool",
        "_raw",
        "_tail",
        "_tunnel",
        "deadline",
        "delimited",
        "due",
        "exchange",
        "state",
        "trailers",
        "transport",
        "used",
        "wheel",
        "write",
    )

    def __init__(
        self, pool: Pool["Upstream"], wheel: Wheel, kinds: FieldKinds, limits: Limits, options: ServiceOptions
    ) -> None:
        self._pool = pool
        self._kinds = kinds
        self._limits = limits
        self._options = options
        self._held = b""
        self._head: ResponseHead | None = None  # the last one, in case the same bytes come again
        self._raw = b""  # those bytes, which `_head` says but for its `Limpet-*` fields
        self._limpet: FieldList = []  # these
        self._body: Body | None = None
        self._tail = False  # bytes came after the answer's end
        self._finished = False  # the node has said that it sends no more; under TLS others can cut it off
        self.trailers: list[tuple[bytes, bytes]] = []  # of an answer that was read whole
        self.delimited = True  # the answer's end is not the connection's
        self.wheel = wheel
        self.exchange: Exchange | None = None
        self._tunnel: Tunnel | None = None
        self.state = IDLE
        self.used = False  # an answer was read from it before
        self.deadline = NEVER
        self.due = NEVER

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.write = self.transport.write
        self._inflow = Inflow(self.transport)

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            self._drop()  # nobody asked: never to be taken for the next request's answer
            return
        try:
            if self.state == HEAD:
                self._read_head(exchange, data)
            elif self.state == TUNNEL:
                self.start_clock()
                if self._tunnel is not None:
                    self._tunnel.to_client(data)
            else:
                self._read_body(exchange, data)
            if len(data) >= LONG_READ:
                self._inflow.give_way()
        except Fault as fault:
            exchange.broken(NodeFault(502, fault.reason, fault.detail))

    def eof_received(self) -> bool:
        self._finished = True
        if self.state == TUNNEL and self._tunnel is not None:
            self._tunnel.node_ended()
            return self.transport.can_write_eof()  # not under TLS
        if self.exchange is None:
            self._drop()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, state = self.exchange, self.state
        self.state = CLOSED
        self.wheel.forget(self)
        if exchange is None:
            self._pool.forget(self)
        elif state == BODY and isinstance(self._body, CloseBody) and self._finished:
            exchange.payload(b"", True)
        else:
            exchange.broken(
                NodeFault(502, "node_closed", "The node closed the connection before its answer ended.")
            )

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.start_clock()  # it must read on in the time that it has to answer
            self.exchange.node_blocked()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.node_resumed()

    # Called by the exchange, the pool and the wheel

    def begin(self, exchange: "Exchange") -> None:
        """An exchange has this connection now."""
        self.exchange = exchange
        self.state = HEAD
        self.deadline = NEVER  # its time runs when the request is sent
        self._tail = False

    def start_clock(self) -> None:
        """From now on the node's time runs: to answer, or to go on with what it has begun."""
        options = self._options
        seconds = options.response_timeout if self.state == HEAD else options.idle_timeout
        deadline = self.wheel.now + seconds
        self.deadline = deadline
        if self.due > deadline:
            self.wheel.arm(self, deadline)

    def end(self, reusable: bool) -> None:
        """The exchange is over; the connection goes back to the pool, or is closed."""
        self.exchange = self._tunnel = None
        clean = reusable and self.state != CLOSED and not self._tail and not self._held
        clean = clean and not self._options.send_proxy
        if self._body is not None:
            self._body = None
            self.trailers = []
            self.delimited = True
        self.used = True
        self._pool.released(self, clean)

    @property
    def stale(self) -> bool:
        """Whether it was idle before, and nothing of this answer was seen."""
        return self.used and self.state != BODY and not self._held

    def readable(self) -> bool:
        """Whether an idle connection's end, or anything else, has arrived that the loop has not yet read."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return self.used and bool(poll.poll(0))

    def hold(self) -> None:
        """Read no more for now: the client is slower. Its time limit runs, not the node's."""
        if self.state != CLOSED:
            self._inflow.hold()
            self.wheel.disarm(self)

    def go_on(self) -> None:
        """Read again."""
        if self.state != CLOSED:
            self._inflow.go_on()
            self.wheel.arm(self, self.wheel.now + self._options.idle_timeout)

    def open_tunnel(self, tunnel: "Tunnel") -> None:
        """From here on the bytes belong to another protocol."""
        self._tunnel = tunnel
        self.start_clock()

    def tunnel(self, data: bytes) -> None:
        """Pass on bytes of another protocol."""
        self.start_clock()
        self.write(data)

    def finish_writing(self) -> None:
        """Half-close."""
        if self.state != CLOSED and self.transport.can_write_eof():
            self.transport.write_eof()

    def rest_idle(self) -> None:
        """Wait in the pool, for less than the node's own keep-alive."""
        self.state = IDLE
        seconds = self._options.pool_keep_alive
        if self._head is not None and self._head.idle_seconds >= 0:
            seconds = min(seconds, max(0.0, self._head.idle_seconds - 1.0))
        deadline = self.wheel.now + seconds
        self.deadline = deadline
        if self.due > deadline:
            self.wheel.arm(self, deadline)

    def change(self, kinds: FieldKinds, limits: Limits, options: ServiceOptions) -> None:
        """Go by other settings from the next answer on."""
        self._kinds, self._limits, self._options = kinds, limits, options
        self._head = None

    def close(self) -> None:
        """Close at once; what is not yet written is dropped."""
        if self.state != CLOSED:
            self.state = CLOSED
            self.transport.abort()

    def finish(self) -> None:
        """A tunnel has ended: close when its last bytes are written, which are still the node's."""
        if self.state != CLOSED:
            self.state = CLOSED
            self.wheel.arm(self, self.wheel.now + self._options.response_timeout)
            self.transport.close()

    def give_up_waiting(self, fault: NodeFault) -> None:
        """The node is down: an answer that has not begun will not come."""
        if self.exchange is not None and self.state == HEAD:
            self.exchange.broken(fault)

    def expired(self, now: float) -> None:
        """Time is up: for an idle connection, an answer's head, or the next part of its body."""
        exchange = self.exchange
        if self.state == CLOSED:
            self.transport.abort()
        elif exchange is None:
            self._drop()
        elif self.state == HEAD:
            exchange.broken(NodeFault(504, "response_timeout", "The node took too long to answer."))
        elif self.state == TUNNEL:
            exchange.broken(NodeFault(504, "tunnel_timeout", "Nothing moved in the tunnel for too long."))
        else:
            exchange.broken(NodeFault(504, "body_timeout", "The node's answer stalled."))

    # Private

    def _drop(self) -> None:
        """Close an idle connection, and be out of the pool before anybody can take it."""
        self._pool.forget(self)
        self.close()

    def _read_head(self, exchange: "Exchange", data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        while self.state == HEAD:
            end = data.find(_END)
            if end < 0:
                self._hold(data)
                return
            end += 4
            head = self._head
            if head is None or self._raw != data[:end]:
                head = self._read_anew(head, data[:end])
            data = data[end:]
            if head.status >= 200:
                self._begin(exchange, head, data)
                return
            if head.status == 101:
                self.state = TUNNEL
                exchange.switched(head, self._limpet, data)
                return
            exchange.interim(head)
            if self.exchange is not exchange or not data:
                return

    def _read_anew(self, head: ResponseHead | None, raw: bytes) -> ResponseHead:
        """`head`: the last one, which this one may be but for its session."""
        if len(raw) > self._limits.head:
            raise NodeFault(502, "response_head_too_large", "The node's answer has too large a head.")
        limpet = None if head is None else read_again(head, raw, self._limits)
        if head is None or limpet is None:
            head = read_head(raw, self._kinds, self._limits)
            limpet = head.limpet
        self._limpet = limpet
        self._raw, self._head = raw, head if len(raw) <= _REMEMBERED else None
        return head

    def _hold(self, data: bytes) -> None:
        if len(data) > self._limits.head:
            raise NodeFault(502, "response_head_too_large", "The node's answer has too large a head.")
        if FORBIDDEN.search(data) or not b"HTTP/1."[: len(data)] == data[:7]:
            raise NodeFault(502, "bad_response", "The node's answer is not HTTP.")
        self._held = data

    def _begin(self, exchange: "Exchange", head: ResponseHead, data: bytes) -> None:
        """The head is whole; tell the exchange, with as much of the body as is here."""
        status, length = head.status, head.length
        if exchange.bodyless or status == 204 or status == 304:
            self._tail = bool(data)
            payload, done = b"", True
        elif length >= 0 and len(data) >= length:
            self._tail = len(data) > length
            payload, done = data[:length] if self._tail else data, True
        else:
            body = self._body = self._body_of(head)
            self.delimited = head.chunked or length >= 0
            payload = body.feed(data) if data else b""
            done = body.done
            if done:
                self._ended(body)
            else:
                self.wheel.arm(self, self.wheel.now + self._options.idle_timeout)
        self.state = BODY
        exchange.answer(head, self._limpet, payload, done)

    def _body_of(self, head: ResponseHead) -> Body:
        if head.chunked:
            return ChunkedBody(trailer_limit=self._limits.line, headers=self._limits.headers)
        return LengthBody(head.length) if head.length >= 0 else CloseBody()

    def _ended(self, body: Body) -> None:
        self._tail = bool(body.rest)
        if isinstance(body, ChunkedBody):
            self.trailers = body.trailers

    def _read_body(self, exchange: "Exchange", data: bytes) -> None:
        body = self._body
        if body is None:
            self._tail = True
            return
        payload = body.feed(data)
        self.deadline = self.wheel.now + self._options.idle_timeout
        if body.done:
            self._ended(body)
            exchange.payload(payload, True)
        elif payload:
            exchange.payload(payload, False)
