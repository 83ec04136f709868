"""What lies between a proxy and a node: a TCP relay that can stall, reset, refuse, and answer garbage."""

import asyncio
import contextlib
from enum import IntEnum
from typing import cast

GARBAGE = b"\x00\xffNOT HTTP AT ALL\r\n\r\n" * 8


class Line(IntEnum):
    """How the line is."""

    FINE = 0
    STALLED = 1  # bytes go in, and come out only when it is fine again
    RESET = 2  # connections are accepted and broken at once, those that there were too
    REFUSED = 3
    GARBAGE = 4  # somebody else answers


class Relay:
    """From a port of its own to another."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.line = Line.FINE
        self._target = target
        self._pairs: set[_Near] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), "127.0.0.1", self.port)

    async def set(self, line: Line) -> None:
        """Cut the line, or mend it."""
        was, self.line = self.line, line
        # Who answered garbage is gone with all its connections, and nobody is behind those.
        if line in (Line.RESET, Line.REFUSED, Line.GARBAGE) or was is Line.GARBAGE:
            for pair in list(self._pairs):
                pair.abort()
        if line is Line.REFUSED:
            await self.close()
        elif was is Line.REFUSED:
            await self.open()
        for pair in list(self._pairs):
            pair.resume()

    async def close(self) -> None:
        for pair in list(self._pairs):
            pair.abort()
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def target(self) -> int:
        return self._target

    def joined(self, pair: "_Near") -> None:
        self._pairs.add(pair)

    def left(self, pair: "_Near") -> None:
        self._pairs.discard(pair)


class _Near(asyncio.Protocol):
    """The proxy's side of a connection."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.transport: asyncio.Transport | None = None
        self._far: _Far | None = None
        self._before = b""  # what came before the other side was there
        self._stalled: list[tuple[asyncio.Transport, bytes]] = []
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own
        self.relay.joined(self)
        if self.relay.line is Line.RESET:
            self.transport.abort()
        elif self.relay.line is not Line.GARBAGE:
            self._connecting = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        if self.relay.line is Line.GARBAGE:
            self.transport.write(GARBAGE)
        elif self._far is None or self._far.transport is None:
            self._before += data
        else:
            self.pass_on(self._far.transport, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort()

    def pass_on(self, to: asyncio.Transport, data: bytes) -> None:
        if self.relay.line is Line.STALLED or self._stalled:
            self._stalled.append((to, data))
        else:
            to.write(data)

    def resume(self) -> None:
        """The line is fine again, perhaps: what waits goes on."""
        if self.relay.line is not Line.STALLED:
            waiting, self._stalled = self._stalled, []
            for to, data in waiting:
                to.write(data)

    def abort(self) -> None:
        self.relay.left(self)
        if self._connecting is not None:
            self._connecting.cancel()
        for transport in (self.transport, self._far.transport if self._far else None):
            if transport is not None:
                transport.abort()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._far = _Far(self)
        with contextlib.suppress(OSError):
            await loop.create_connection(lambda: self._far or _Far(self), "127.0.0.1", self.relay.target)
        if self._far.transport is None:
            self.abort()
        else:
            self.pass_on(self._far.transport, self._before)
            self._before = b""


class _Far(asyncio.Protocol):
    """The node's side."""

    def __init__(self, near: _Near) -> None:
        self.near = near
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.near.transport is not None:
            self.near.pass_on(self.near.transport, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.near.abort()
