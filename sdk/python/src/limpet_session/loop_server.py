"""Serves a node's endpoint at an address of its own, in the app's event loop."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Protocol, cast

from limpet_session.address import CONNECTIONS, RETRY_SECONDS, Address, Claim
from limpet_session.conversation import IDLE_SECONDS, Conversation, Desk
from limpet_session.endpoint import Call, Reply, say

log = logging.getLogger("limpet_session")


class Clerk(Desk, Protocol):
    """Who answers calls."""

    def carry_out(self, call: Call) -> Reply | Awaitable[Reply]:
        """An answer, or what has to be waited for."""


class LoopServer:
    """For a node of one process. All of it is called in the loop."""

    def __init__(self, address: Address, clerk: Clerk) -> None:
        self.address = address
        self.clerk = clerk
        self.connections: set[_Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Serve from now on until the loop ends; of several loops the first one does."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop and (self._loop is None or self._loop.is_closed()):
            self._loop = loop
            self._serving = loop.create_task(self._serve())

    def stop(self) -> None:
        """Give the address back."""
        if self._serving is not None:
            self._serving.cancel()

    async def _serve(self) -> None:
        with closing(await self._listener()) as listener:  # also where it is ended before it has a server
            server = await _listening(listener, lambda: _Connection(self))
            try:
                await server.serve_forever()
            finally:
                server.close()
                for connection in [*self.connections]:
                    connection.close()

    async def _listener(self) -> socket.socket:
        claim = Claim(self.address)
        while (listener := claim.listen()) is None:  # noqa: ASYNC110
            await asyncio.sleep(RETRY_SECONDS)  # nothing tells when the address is given back
        return listener


def _listening(
    listener: socket.socket, protocol: Callable[[], asyncio.Protocol]
) -> Awaitable[asyncio.AbstractServer]:
    loop = asyncio.get_running_loop()
    if listener.family == socket.AF_UNIX:
        return loop.create_unix_server(protocol, sock=listener, backlog=CONNECTIONS)
    return loop.create_server(protocol, sock=listener, backlog=CONNECTIONS)


class _Connection(asyncio.Protocol):
    """One connection. A copy costs the node 65 us by it, 30 of which are the kernel's, and 95 by uvicorn."""

    __slots__ = ("_answering", "_conversation", "_full", "_loop", "_server", "_timer", "_transport", "_used")

    def __init__(self, server: LoopServer) -> None:
        self._server = server
        self._conversation = Conversation(server.clerk)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answering: asyncio.Task[None] | None = None  # a call that has to be waited for
        self._full = False  # the client does not read: it has to before it is answered any further
        self._used = 0.0  # when the last call came, in the loop's seconds
        self._timer: asyncio.TimerHandle | None = None

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are none by name
        connections = self._server.connections
        connections.add(self)
        if len(connections) > CONNECTIONS:
            self._transport.abort()
        self._used = self._loop.time()
        self._watch(IDLE_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._conversation.feed(data)
        if self._answering is None and not self._full:
            self._advance()
        elif self._transport is not None:
            self._transport.pause_reading()  # who sends ahead waits

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    # Called by the server

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # Private

    def _advance(self) -> None:
        """Answer what has come, until something has to be waited for."""
        while not self._full and self._transport is not None:
            call = self._conversation.next()
            if call is None:
                return
            reply = call if isinstance(call, Reply) else self._carry_out(call)
            if not isinstance(reply, Reply):
                self._answering = asyncio.ensure_future(self._wait(reply))
                return
            self._write(reply)

    def _carry_out(self, call: Call) -> Reply | Awaitable[Reply]:
        self._used = self._loop.time()
        try:
            return self._server.clerk.carry_out(call)
        except Exception:  # noqa: BLE001 -- the connection's boundary: the proxy is told, and the log
            return _failed()

    async def _wait(self, answer: Awaitable[Reply]) -> None:
        try:
            reply = await answer
        except Exception:  # noqa: BLE001 -- the task's boundary, as above
            reply = _failed()
        self._write(reply)
        self._answering = None
        self._go_on()

    def _write(self, reply: Reply) -> None:
        if self._transport is not None:
            self._transport.write(self._conversation.answer(reply))
            if self._conversation.over:
                self._transport.close()
                self._transport = None

    def _go_on(self) -> None:
        if self._transport is not None and self._answering is None:
            self._transport.resume_reading()
            self._advance()

    def _watch(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """End a connection on which nothing has been asked for long; one timer, not one for each call."""
        left = self._used + IDLE_SECONDS - self._loop.time()
        if self._answering is not None or left > 0:
            self._watch(max(left, 1.0))
        else:
            self.close()


def _failed() -> Reply:
    log.exception("a call of the sessions' endpoint failed")
    return say(500, "Internal Server Error")
