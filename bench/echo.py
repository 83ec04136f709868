"""What TLS costs in Python without a proxy: each request gets the same answer, and nobody reads it.

`python -m bench.echo FILE`: the file holds the port and the path of the certificate with its key.
"""

import asyncio
import ssl
import sys
from pathlib import Path
from typing import cast

import uvloop

from bench.node import Node

ANSWER = Node("n1").ready[b"GET /64 "]


class Echo(asyncio.Protocol):
    """One connection; a request always comes in one piece."""

    transport: asyncio.WriteTransport  # uvloop's, which is none by isinstance

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)


async def serve(port: int, pem: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    loop = asyncio.get_running_loop()
    await loop.create_server(Echo, "127.0.0.1", port, ssl=context, backlog=1024)
    await asyncio.Event().wait()  # until it is ended by a signal


if __name__ == "__main__":
    words = Path(sys.argv[1]).read_text().split()
    uvloop.run(serve(int(words[0]), words[1]))
