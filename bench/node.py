"""Three app servers in one process, as cheap as Python allows: `python -m bench.node` prints their ports.

One process for all three leaves more of the second core to the load; to a proxy they are three nodes.
Nothing here is strict: the nodes trust the proxies, which are verified before they are timed.
"""

import asyncio
import os
import signal
import sys
from email.utils import formatdate
from functools import partial
from typing import cast

import uvloop

from bench.answers import BODIES, NAMES, body, mark

SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"  # RFC 6455, 1.3: the bench has one key
)
MESSAGE = 131  # bytes of the one kind of frame that the bench sends: 125 masked by zeros
HEAD = (
    b"HTTP/1.1 %b\r\nServer: bench\r\nDate: %b\r\n%bContent-Type: application/octet-stream\r\n"
    b"Content-Length: %d\r\n\r\n"
)


class Node:
    """What one app server says; its ready answers have the time of the second, as real ones do."""

    def __init__(self, name: str) -> None:
        self.mark = mark(name)
        self.bodies = {b"GET " + path + b" ": body(name, path) for path in BODIES} | {b"GET /health ": b"ok"}
        self.small = body(name, b"/64")
        self.serial = 0
        self.date = b""
        self.ready: dict[bytes, bytes] = {}
        self.tick()

    def tick(self) -> None:
        """A second has passed."""
        self.date = formatdate(usegmt=True).encode()
        self.ready = {start: self.answer(b"200 OK", content) for start, content in self.bodies.items()}

    def answer(self, status: bytes, content: bytes, fields: bytes = b"") -> bytes:
        return HEAD % (status, self.date, fields, len(content)) + content

    def varied(self) -> bytes:
        """64 bytes under a head that no answer had before."""
        self.serial += 1
        return self.answer(b"200 OK", self.small, b'ETag: "%08d"\r\n' % self.serial)


class NodeProtocol(asyncio.Protocol):
    """One upstream connection: answers in order, counts what is uploaded, echoes messages."""

    transport: asyncio.WriteTransport  # uvloop's, which is none by isinstance
    __slots__ = ("chunked", "echoing", "node", "received", "remaining", "tail", "transport")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.tail = b""
        self.remaining = 0  # bytes of an upload still to come
        self.received = 0
        self.chunked = False
        self.echoing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if self.remaining:
            data = self.upload(data)
        elif self.tail:
            data, self.tail = self.tail + data, b""
        if self.echoing:
            self.echo(data)
            return
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.tail = data
                return
            data = self.request(data[: end + 2], data[end + 4 :])

    def request(self, head: bytes, rest: bytes) -> bytes:
        """Answer one head; returns what follows it."""
        node = self.node
        ready = node.ready.get(head[: head.index(b" ", 4) + 1])
        if ready is None:
            if head.startswith(b"POST /upload "):
                return self.begin_upload(head, rest)
            if head.startswith(b"GET /varied?"):
                ready = node.varied()
            elif b"\r\nupgrade: websocket" in head.lower():
                self.echoing = True
                ready = SWITCHING
            elif head.startswith(b"GET /echo "):
                ready = node.answer(b"200 OK", node.mark + head)
            else:
                ready = node.answer(b"404 Not Found", b"")
        self.transport.write(ready)
        return rest

    def echo(self, data: bytes) -> None:
        """The messages, without their masks."""
        whole = len(data) - len(data) % MESSAGE
        self.tail = data[whole:]
        for start in range(0, whole, MESSAGE):
            self.transport.write(b"\x81\x7d" + data[start + 6 : start + MESSAGE])

    def begin_upload(self, head: bytes, rest: bytes) -> bytes:
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        self.chunked = not length
        self.remaining = int(length or b"1")
        self.received = 0
        return self.upload(rest)

    def upload(self, data: bytes) -> bytes:
        """Count a piece of an upload; returns what follows its end."""
        if self.chunked:  # good enough for one whole upload of bytes that hold no such line
            done = data.endswith(b"0\r\n\r\n")
            self.received += len(data)
            self.remaining = 0 if done else 1
            rest = b""
        else:
            rest = data[self.remaining :]
            taken = len(data) - len(rest)
            self.received += taken
            self.remaining -= taken
        if not self.remaining:
            count = b"chunked" if self.chunked else b"%d" % self.received
            self.transport.write(self.node.answer(b"200 OK", self.node.mark + count))
        return rest


async def serve() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    ports = []
    served = [Node(name) for name in NAMES]
    for node in served:
        server = await loop.create_server(partial(NodeProtocol, node), "127.0.0.1", 0, backlog=1024)
        ports.append(server.sockets[0].getsockname()[1])
    sys.stdout.write(" ".join(map(str, ports)) + "\n")
    sys.stdout.flush()
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:  # a bench that was killed leaves no nodes behind
        try:
            await asyncio.wait_for(stop.wait(), 1)
        except TimeoutError:
            for node in served:
                node.tick()


if __name__ == "__main__":
    uvloop.run(serve())
