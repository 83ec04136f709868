"""A client's connection before its first request: who it is, and TLS, within a time limit."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar, cast

from proxy.client import Client
from proxy.client_certificate import certificate_lines
from proxy.engine import Engine
from proxy.faults import Fault, Malformed
from proxy.forwarding import Peer, peer_of
from proxy.ledger import log_refusal
from proxy.proxy_protocol import Origin, read_origin
from proxy.wheel import NEVER

_NO_LIMIT = 365 * 86_400.0  # uvloop wants one; the client's own knows a slow reader from a lost one
# By what OpenSSL calls the mistake; everything else is `tls_handshake`.
_REASONS = {
    "CALLBACK_FAILED": "tls_unknown_name",
    "CERTIFICATE_VERIFY_FAILED": "tls_client_certificate",
    "HTTP_REQUEST": "tls_plain_http",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "tls_client_certificate",
}


class Door(NamedTuple):
    """What a listener asks of its connections before the first request.

    `tls`: asked for each anew; `proxy_protocol`: they begin with a PROXY header.
    """

    tls: Callable[[], ssl.SSLContext] | None = None
    proxy_protocol: bool = False

    @property
    def open(self) -> bool:
        """Whether requests may come at once."""
        return self.tls is None and not self.proxy_protocol


_LATE_HANDSHAKE = Malformed(408, "tls_timeout", "The TLS handshake took too long.")
_LATE_HEADER = Malformed(408, "proxy_protocol_timeout", "The PROXY header took too long.")
_UNTRUSTED = Malformed(403, "proxy_protocol_untrusted", "Nobody but trusted proxies may connect here.")

T = TypeVar("T")


class _Begun(Generic[T]):
    """Awaits a coroutine; `then` is called when it waits for the first time."""

    def __init__(self, inner: Coroutine[object, None, T], then: Callable[[], object]) -> None:
        self._inner = inner
        self._then = then

    def __await__(self) -> Generator[object, None, T]:
        first = self._inner.send(None)
        self._then()
        yield first
        return (yield from self._inner.__await__())


# States of a connection
READING: Final = 0  # a PROXY header
SHAKING: Final = 1
GONE: Final = 2  # closed, or a `Client` by now


class Front(asyncio.Protocol):
    """One connection until it can be a `Client`; it counts against the limits as one."""

    __slots__ = (
        "_counted_as",
        "_door",
        "_engine",
        "_held",
        "_peer",
        "_shaking",
        "_state",
        "_transport",
        "deadline",
        "due",
    )

    def __init__(self, engine: Engine, door: Door) -> None:
        self._engine = engine
        self._door = door
        self._state = READING
        self._shaking: asyncio.Task[None] | None = None
        self._counted_as = ""
        self._held = b""
        self.deadline = NEVER
        self.due = NEVER

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        engine = self._engine
        self._peer = peer_of(transport, engine.forwarding)
        if not self._door.proxy_protocol:
            self._counted_as = self._peer.address
        engine.clients.add(self)
        fault = engine.admit(self._counted_as)
        if fault is not None:
            self._refuse(fault)
            return
        engine.wheel.arm(self, engine.wheel.now + engine.timeouts.handshake)
        if not self._door.proxy_protocol:
            self._begin()
        elif not self._peer.trusted:
            self._refuse(_UNTRUSTED)

    def data_received(self, data: bytes) -> None:
        """A PROXY header, or what comes before the handshake has begun: clients do not wait."""
        self._held += data
        if self._state == READING:
            try:
                origin = read_origin(self._held)
            except Malformed as fault:
                self._refuse(fault)
                return
            if origin is None:
                return
            self._held = self._held[origin.size :]
            self._come_from(origin)
        elif self._state == SHAKING:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()

    # Called by the engine and the wheel

    def forget(self) -> None:
        """There is nothing yet to be remembered."""

    def stop(self) -> None:
        """The process ends, and nothing is under way yet."""
        self.cut()

    def cut(self) -> None:
        self._leave()
        self._transport.abort()

    def expired(self, now: float) -> None:
        """Time is up."""
        self._refuse(_LATE_HEADER if self._state == READING else _LATE_HANDSHAKE)

    # Private

    def _come_from(self, origin: Origin) -> None:
        """Count it as who it is; where nobody knows, as the proxy, but not believed as that."""
        engine = self._engine
        if origin.address:
            self._peer = engine.forwarding.peer(origin.address, origin.secure)
        else:
            self._peer = Peer(self._peer.address, trusted=False, secure=origin.secure)
        engine.leave(self._counted_as)
        self._counted_as = self._peer.address
        fault = engine.admit(self._counted_as)
        if fault is not None:
            self._refuse(fault)
        else:
            self._begin()

    def _begin(self) -> None:
        """Agree on TLS, or have it be a client at once."""
        self._state = SHAKING
        if self._door.tls is not None:
            self._shaking = asyncio.get_running_loop().create_task(self._shake())
            return
        client, held = self._become_client(self._transport), self._held
        if held:
            client.data_received(held)

    async def _shake(self) -> None:
        """Agree on TLS; from there on it is a client's connection."""
        if self._state == GONE or self._door.tls is None:
            return
        loop, timeouts = asyncio.get_running_loop(), self._engine.timeouts
        try:
            started = loop.start_tls(
                self._transport,
                self,
                self._door.tls(),
                server_side=True,
                ssl_handshake_timeout=2 * timeouts.handshake,  # ours, on the wheel, comes first
                ssl_shutdown_timeout=_NO_LIMIT,
            )
            transport = await _Begun(started, partial(loop.call_soon, self._feed))
        except ssl.SSLError as error:
            reason = _REASONS.get(error.reason or "", "tls_handshake")
            self._refuse(Malformed(400, reason, "The TLS handshake failed."))
        except OSError:
            self._left()
        else:
            if transport is not None and self._state == SHAKING:
                self._hand_over(transport)

    def _feed(self) -> None:
        """Give the handshake what came before it had begun."""
        held, self._held = memoryview(self._held), b""
        while held and self._state == SHAKING:
            protocol = cast(asyncio.BufferedProtocol, self._transport.get_protocol())
            buffer = memoryview(protocol.get_buffer(len(held)))
            size = min(len(buffer), len(held))
            buffer[:size] = held[:size]
            protocol.buffer_updated(size)
            held = held[size:]

    def _hand_over(self, transport: asyncio.Transport) -> None:
        """uvloop reads on only after this, so nothing has come before the client is there."""
        handshake = transport.get_extra_info("ssl_object")
        if handshake is None:  # closed in the middle of it
            self._left()
            return
        self._peer.secure = True
        self._peer.certificate = certificate_lines(handshake.getpeercert(True), handshake.getpeercert())
        self._become_client(transport)

    def _become_client(self, transport: asyncio.Transport) -> Client:
        self._leave()
        client = Client(self._engine, self._peer, None if transport is self._transport else self._transport)
        transport.set_protocol(cast(asyncio.BaseProtocol, client))  # by its methods
        client.connection_made(transport)
        return client

    def _refuse(self, fault: Fault) -> None:
        if self._state == GONE:
            return
        engine = self._engine
        log_refusal(engine, self._peer, engine.forwarding.new_id(), fault)
        self.cut()

    def _left(self) -> None:
        """The client has gone: in the middle of a handshake that is counted, and not logged, since who only
        looks whether somebody listens does the same."""
        if self._state == SHAKING and self._door.tls is not None:
            self._engine.counters.reject("tls_left")
        self._leave()

    def _leave(self) -> None:
        """Count no more, once."""
        if self._state == GONE:
            return
        self._state = GONE
        engine = self._engine
        engine.wheel.forget(self)
        engine.clients.discard(self)
        engine.leave(self._counted_as)
