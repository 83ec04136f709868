"""A connection of a client: its requests in order, its time limits, its end."""

import asyncio
from typing import Final, cast

from proxy.engine import Engine
from proxy.exchange import Exchange
from proxy.faults import Fault, Malformed
from proxy.forwarding import Peer, peer_of
from proxy.inflow import LONG_READ, Inflow
from proxy.ledger import log_refusal
from proxy.memory import Memory
from proxy.own_answer import fault_answer
from proxy.request import check_unfinished
from proxy.tcp import reset_by, unacknowledged, unwritten
from proxy.tunnel import Tunnel
from proxy.wheel import NEVER

_END: Final = b"\r\n\r\n"
_CRLF: Final = b"\r\n"
_HALF_CLOSE_SECONDS: Final = 0.5  # how long an answer may still take for a client that sends no more
_LINGER_SECONDS: Final = 2.0  # for reading away a refused client's bytes, and for TLS's farewell


# States of a connection
IDLE: Final = 0  # between requests
HEAD: Final = 1  # a request's head has begun
BUSY: Final = 2  # an exchange is under way
TUNNEL: Final = 3
LINGER: Final = 4  # the last answer is out; what still comes is read and dropped
CLOSED: Final = 5


class Client:
    """One connection; at most one exchange at a time, so that pipelined requests are answered in order."""

    __slots__ = (
        "_ended",
        "_held",
        "_inflow",
        "_known",
        "_reading",
        "_searched",
        "_tunnel",
        "_window_start",
        "_wire",
        "_write_blocked",
        "_write_left",
        "deadline",
        "due",
        "engine",
        "exchange",
        "memory",
        "peer",
        "state",
        "transport",
        "write",
    )

    def __init__(
        self, engine: Engine, peer: Peer | None = None, wire: asyncio.Transport | None = None
    ) -> None:
        """`peer`: who it is, where the transport does not tell; `wire`: the transport under TLS."""
        self.engine = engine
        self._known = peer
        self._wire = wire
        self.state = IDLE
        self.exchange: Exchange | None = None
        self.memory = Memory(engine.legacy)
        self._tunnel: Tunnel | None = None
        self.deadline = NEVER
        self.due = NEVER
        self._held = b""  # bytes that are not yet a whole head, or belong to later requests
        self._searched = 0  # no head ends before this in what is held
        self._ended = False  # the client sends no more
        self._reading = False  # in the loop over what is held
        self._write_blocked = False
        self._write_left = -1  # unacknowledged bytes when last looked at, -1: not yet
        self._window_start = 0  # body bytes received when the present window began

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.write = self.transport.write
        self._inflow = Inflow(self.transport)
        engine = self.engine
        self.peer = self._known or peer_of(transport, engine.forwarding)
        engine.clients.add(self)
        fault = engine.admit(self.peer.address)
        if fault is not None:
            self._fail(fault)
        else:
            engine.wheel.arm(self, engine.wheel.now + engine.timeouts.head)

    def data_received(self, data: bytes) -> None:
        state = self.state
        if state == IDLE and not self._held:
            self._read(data)
        elif state <= HEAD:
            if self._write_blocked:
                self._hold(data)
            else:
                self._read(self._held + data)
        else:
            self._pass_on(data, state)

    def eof_received(self) -> bool:
        self._ended = True
        state, exchange = self.state, self.exchange
        if state == TUNNEL and self._tunnel is not None:
            self._tunnel.client_ended()
            return self.transport.can_write_eof()  # not under TLS
        if state == HEAD or (exchange is not None and exchange.sending):
            self._fail(Malformed(400, "cut_short", "The request ended before it was whole."))
            return self.transport.can_write_eof()
        if state == BUSY:
            self.engine.wheel.arm(self, self.engine.wheel.now + _HALF_CLOSE_SECONDS)
            return self.transport.can_write_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, self.exchange = self.exchange, None
        self.state = CLOSED
        self.engine.wheel.forget(self)
        self.engine.clients.discard(self)
        self.engine.leave(self.peer.address)
        self.memory.leave()
        self._tunnel = None
        if exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        self._write_blocked = True
        self._write_left = -1
        self.engine.wheel.arm(self, self.engine.wheel.now + self.engine.timeouts.write_idle)
        if self.exchange is not None:
            self.exchange.client_blocked()

    def resume_writing(self) -> None:
        self._write_blocked = False
        if self.state >= LINGER:
            return  # the time to take the rest runs on
        self.engine.wheel.disarm(self)
        if self.exchange is not None:
            self.exchange.client_resumed()
            if self.exchange.sending:
                self._open_window()
        elif self.state < BUSY:
            self._await_request()
            self._read_held()

    # Called by the exchange and the wheel

    def wait(self, seconds: float) -> None:
        """For a connection to a node, or for this one's end."""
        self.engine.wheel.arm(self, self.engine.wheel.now + seconds)

    def hold_body(self) -> None:
        """Read no more for now: the node is not there yet, or slower."""
        self._inflow.hold()
        if self.exchange is not None and self.exchange.upstream is not None and not self._write_blocked:
            self.engine.wheel.disarm(self)

    def read_body(self) -> None:
        """Read the request's body, or a tunnel's bytes, again."""
        self._inflow.go_on()
        if self._write_blocked:
            return  # the time to read what it is sent runs
        if self.exchange is not None and self.exchange.sending:
            self._open_window()
        else:
            self.engine.wheel.disarm(self)

    def rest_of_body(self, rest: bytes) -> None:
        self._held = rest
        exchange = self.exchange
        waiting = exchange is not None and exchange.upstream is None  # its time in the queue runs on
        if not self._write_blocked and not waiting:
            self.engine.wheel.disarm(self)

    def open_tunnel(self, tunnel: Tunnel) -> None:
        """From here on the bytes belong to another protocol."""
        self.state = TUNNEL
        self._tunnel = tunnel
        self.engine.wheel.disarm(self)
        held, self._held = self._held, b""
        self._inflow.go_on()
        if held:
            tunnel.to_node(held)
        if self._ended:  # before the tunnel was open
            tunnel.client_ended()

    def finish_writing(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def ended(self, keep: bool) -> None:
        """The exchange is over."""
        exchange, self.exchange = self.exchange, None
        if self.state == CLOSED:
            return
        if not keep or self.engine.stopping:
            self._close(linger=bool(self._held) or (exchange is not None and exchange.sending))
            return
        self.state = IDLE
        if self._write_blocked:
            return
        self._await_request()
        if self._held and not self._reading:
            self._read_held()

    def abort(self, reset: bool) -> None:
        """End the connection in the middle of an answer; by a reset where nothing else would show it."""
        self.exchange = None
        if reset:
            self.state = CLOSED
            reset_by(self.transport)
        else:
            self._shut()

    def forget(self) -> None:
        self.memory.clear()

    def stop(self) -> None:
        """The process ends: what is under way goes on to its end, a tunnel for as long as it is let."""
        if self.state <= HEAD:
            self._close()

    def cut(self) -> None:
        self.transport.abort()

    def expired(self, now: float) -> None:
        """Time is up."""
        exchange = self.exchange
        if self._write_blocked or (self.state >= LINGER and unwritten(self.transport, self._wire)):
            self._check_reader(now)
        elif self.state == IDLE and not self._held:
            self._shut()
        elif self.state <= HEAD:
            self._fail(Fault(408, "head_timeout", "The request's head took too long to arrive."))
        elif exchange is None or self.state == LINGER or self._ended:
            self.transport.abort()
        elif exchange.upstream is None:
            exchange.waited_too_long()
        elif exchange.sending:
            self._check_window(exchange)

    # Private

    def _read(self, data: bytes) -> None:
        """Begin an exchange for each request in `data`, one after the other."""
        self._reading = True
        self._held = data
        try:
            while self.state <= HEAD and self._held and not self._write_blocked:
                if not self._begin():
                    break
        except Fault as fault:
            self._fail(fault)
        finally:
            self._reading = False

    def _pass_on(self, data: bytes, state: int) -> None:
        """What belongs to an exchange that is under way."""
        if state == BUSY:
            exchange = self.exchange
            if exchange is not None and exchange.sending:
                exchange.body_received(data)
            else:
                self._hold(data)
        elif state == TUNNEL and self._tunnel is not None:
            self._tunnel.to_node(data)
        if len(data) >= LONG_READ:
            self._inflow.give_way()

    def _begin(self) -> bool:
        """Take one head off what is held and start its exchange; False where there is no whole one."""
        data = self._held
        if data.startswith(_CRLF):  # RFC 9112 section 2.2: one empty line before a request is let pass
            data = data[2:]
            self._searched = 0
        end = data.find(_END, self._searched) + 4
        engine = self.engine
        limits = engine.limits
        if end < 4:
            self._hold_head(data)
            return False
        line = self.memory.line(data, end, limits)
        if end > limits.head:
            raise Malformed(431, "head_too_large", f"The request's head is larger than {limits.head} bytes.")
        fields = self.memory.fields(data[line.size : end], line.minor, engine.request_kinds, limits)
        self._held = data[end:]
        self._searched = 0
        self.state = BUSY
        if self._ended:
            engine.wheel.arm(self, engine.wheel.now + _HALF_CLOSE_SECONDS)
        else:
            self.deadline = NEVER
        self.exchange = exchange = Exchange(self, engine, line, fields)
        exchange.start(self._held)
        if self._held and self._busy_with(exchange):
            rest, self._held = self._held, b""
            self._pass_on(rest, BUSY)
        return True

    def _busy_with(self, exchange: Exchange) -> bool:
        """Whether it is still under way: that it was assigned says nothing after a call."""
        return self.exchange is exchange

    def _hold_head(self, data: bytes) -> None:
        """An unfinished head; what can never become one is refused at once."""
        self._held = data
        check_unfinished(data, self._searched, self.engine.limits)
        self._searched = max(0, len(data) - 3)
        if self.state == IDLE and data:
            self.state = HEAD
            self.engine.wheel.arm(self, self.engine.wheel.now + self.engine.timeouts.head)

    def _hold(self, data: bytes) -> None:
        """Bytes of later requests: read on, so that the client's end is noticed, but not without bound."""
        self._held += data
        if len(self._held) > self.engine.limits.pipeline:
            self._inflow.hold()

    def _read_held(self) -> None:
        if len(self._held) <= self.engine.limits.pipeline:
            self._inflow.go_on()
        if self._held:
            self._read(self._held)
        if self.state == HEAD:
            self._inflow.go_on()  # the rest of it is yet to come

    def _await_request(self) -> None:
        if self._ended and not self._held:
            self._close()
            return
        wheel = self.engine.wheel
        deadline = wheel.now + self.engine.timeouts.keep_alive
        self.deadline = deadline
        if self.due > deadline:
            wheel.arm(self, deadline)

    def _fail(self, fault: Fault) -> None:
        """Refuse what cannot even become an exchange; or let the exchange say it."""
        if self.exchange is not None:
            self.exchange.fail(fault)
            return
        engine, request_id = self.engine, self.engine.forwarding.new_id()
        log_refusal(engine, self.peer, request_id, fault)
        self.write(fault_answer(fault, engine.error_pages, b"", request_id, False, False))
        self._close(linger=fault.status not in (429, 503))

    def _close(self, linger: bool = False) -> None:
        """Close when all is written; lingering, read away what still comes first (RFC 9112 section 9.6)."""
        self._held = b""
        if not linger or self._ended or not self.transport.can_write_eof():
            self._shut()
            return
        self.state = LINGER
        self.transport.write_eof()
        self._inflow.go_on()
        self.engine.wheel.arm(self, self.engine.wheel.now + _LINGER_SECONDS)

    def _shut(self) -> None:
        """Close when all is written, if the client takes it."""
        self.state = CLOSED
        left, self._write_left = unwritten(self.transport, self._wire), -1
        if left or self._wire is not None:
            self.wait(self.engine.timeouts.write_idle if left else _LINGER_SECONDS)
        self.transport.close()

    def _open_window(self) -> None:
        """Give the client some time for the next part of its body."""
        upload = self.exchange.upload if self.exchange is not None else None
        self._window_start = upload.received if upload is not None else 0
        self.engine.wheel.arm(self, self.engine.wheel.now + self.engine.timeouts.body_idle)

    def _check_window(self, exchange: Exchange) -> None:
        """The body must have moved, and not only by a byte a second."""
        upload = exchange.upload
        received = upload.received - self._window_start if upload is not None else 0
        if received < max(1, self.engine.limits.body_rate * self.engine.timeouts.body_idle):
            exchange.fail(Malformed(408, "body_timeout", "The request's body arrives too slowly."))
        else:
            self._open_window()

    def _check_reader(self, now: float) -> None:
        """A client that takes nothing for a whole `write_idle` is gone; one that takes little is slow.

        Looked at a second time before it is judged: while answers flow, nobody asks how much is left.
        """
        left = unacknowledged(self.transport, self._wire)
        if left == self._write_left:
            self.engine.counters.reject("write_timeout")
            self.transport.abort()
            return
        self._write_left = left
        self.engine.wheel.arm(self, now + self.engine.timeouts.write_idle)
