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

HEAD = (
    b"HTTP/1.1 %b\r\nServer: bench\r\nDate: " + formatdate(usegmt=True).encode() + b"\r\n"
    b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
)


def answer(status: bytes, content: bytes) -> bytes:
    return HEAD % (status, len(content)) + content


def ready_answers(name: str) -> dict[bytes, bytes]:
    """What a node says to each request line's beginning; built once for all of its connections."""
    answers = {b"GET " + path + b" ": answer(b"200 OK", body(name, path)) for path in BODIES}
    return answers | {b"GET /health ": answer(b"200 OK", b"ok")}


class NodeProtocol(asyncio.Protocol):
    """One upstream connection: answers in order, counts what is uploaded."""

    transport: asyncio.WriteTransport  # uvloop's, which is none by isinstance
    __slots__ = ("answers", "chunked", "name", "received", "remaining", "tail", "transport")

    def __init__(self, name: str, answers: dict[bytes, bytes]) -> None:
        self.name = name
        self.answers = answers
        self.tail = b""
        self.remaining = 0  # bytes of an upload still to come
        self.received = 0
        self.chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if self.remaining:
            data = self.upload(data)
        elif self.tail:
            data, self.tail = self.tail + data, b""
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.tail = data
                return
            data = self.request(data[: end + 2], data[end + 4 :])

    def request(self, head: bytes, rest: bytes) -> bytes:
        """Answer one head; returns what follows it."""
        ready = self.answers.get(head[: head.index(b" ", 4) + 1])
        if ready is not None:
            self.send(ready)
            return rest
        if head.startswith(b"GET /echo "):
            self.send(answer(b"200 OK", self.name.encode() + b"\n" + head))
            return rest
        if not head.startswith(b"POST /upload "):
            self.send(answer(b"404 Not Found", b""))
            return rest
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
            self.send(answer(b"200 OK", mark(self.name) + count))
        return rest

    def send(self, data: bytes) -> None:
        self.transport.write(data)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    ports = []
    for name in NAMES:
        connected = partial(NodeProtocol, name, ready_answers(name))
        server = await loop.create_server(connected, "127.0.0.1", 0, backlog=1024)
        ports.append(server.sockets[0].getsockname()[1])
    sys.stdout.write(" ".join(map(str, ports)) + "\n")
    sys.stdout.flush()
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:  # a bench that was killed leaves no nodes behind
        try:
            await asyncio.wait_for(stop.wait(), 1)
        except TimeoutError:
            continue


if __name__ == "__main__":
    uvloop.run(serve())
