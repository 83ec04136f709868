"""A client's connection before its first request: TLS is agreed on, within a time limit."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar, cast

from proxy.client import Client
from proxy.client_certificate import certificate_lines
from proxy.engine import Engine
from proxy.faults import Fault, Malformed
from proxy.forwarding import peer_of
from proxy.ledger import log_refusal
from proxy.wheel import NEVER

_CLOSING_SECONDS = 2.0  # for the client's part of a TLS connection's end
# By what OpenSSL calls the mistake; everything else is `tls_handshake`.
_REASONS = {
    "CALLBACK_FAILED": "tls_unknown_name",
    "CERTIFICATE_VERIFY_FAILED": "tls_client_certificate",
    "HTTP_REQUEST": "tls_plain_http",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "tls_client_certificate",
}


class Door(NamedTuple):
    """What a listener asks of its connections before the first request. `tls`: asked for each anew."""

    tls: Callable[[], ssl.SSLContext] | None = None

    @property
    def open(self) -> bool:
        """Whether requests may come at once."""
        return self.tls is None


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
SHAKING: Final = 0
GONE: Final = 1  # closed, or a `Client` by now


class Front(asyncio.Protocol):
    """One connection until it can be a `Client`; it counts against the limits as one."""

    __slots__ = (
        "_address",
        "_door",
        "_engine",
        "_held",
        "_shaking",
        "_state",
        "_transport",
        "deadline",
        "due",
    )

    def __init__(self, engine: Engine, door: Door) -> None:
        self._engine = engine
        self._door = door
        self._state = SHAKING
        self._shaking: asyncio.Task[None] | None = None
        self._address = ""
        self._held = b""
        self.deadline = NEVER
        self.due = NEVER

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        engine = self._engine
        self._address = peer_of(transport, engine.forwarding).address
        engine.clients.add(self)
        fault = engine.admit(self._address)
        if fault is not None:
            self._refuse(fault)
            return
        engine.wheel.arm(self, engine.wheel.now + engine.timeouts.handshake)
        self._shaking = asyncio.get_running_loop().create_task(self._shake())

    def data_received(self, data: bytes) -> None:
        """What comes before the handshake has begun: a client need not wait for anything."""
        self._held += data
        self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

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
        self._refuse(Malformed(408, "tls_timeout", "The TLS handshake took too long."))

    # Private

    async def _shake(self) -> None:
        """Agree on TLS; from there on it is a client's connection."""
        assert self._door.tls is not None
        loop, timeouts = asyncio.get_running_loop(), self._engine.timeouts
        try:
            started = loop.start_tls(
                self._transport,
                self,
                self._door.tls(),
                server_side=True,
                ssl_handshake_timeout=2 * timeouts.handshake,  # ours, on the wheel, comes first
                ssl_shutdown_timeout=_CLOSING_SECONDS,
            )
            transport = await _Begun(started, partial(loop.call_soon, self._feed))
        except ssl.SSLError as error:
            reason = _REASONS.get(error.reason or "", "tls_handshake")
            self._refuse(Malformed(400, reason, "The TLS handshake failed."))
        except OSError:
            self._leave()  # the client has left: who only looks whether somebody listens, too
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
            self._leave()
            return
        peer = peer_of(transport, self._engine.forwarding, secure=True)
        peer.certificate = certificate_lines(handshake.getpeercert(True), handshake.getpeercert())
        self._leave()
        client = Client(self._engine, peer)
        transport.set_protocol(client)
        client.connection_made(transport)

    def _refuse(self, fault: Fault) -> None:
        if self._state == GONE:
            return
        engine = self._engine
        log_refusal(engine, engine.forwarding.peer(self._address), engine.forwarding.new_id(), fault)
        self.cut()

    def _leave(self) -> None:
        """Count no more, once."""
        if self._state == GONE:
            return
        self._state = GONE
        engine = self._engine
        engine.wheel.forget(self)
        engine.clients.discard(self)
        engine.leave(self._address)
