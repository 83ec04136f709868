"""Very many app servers in one process, all alike: `python -m bench.steady.many COUNT` prints their ports."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvloop

from bench.node import Node, NodeProtocol
from bench.processes import LOAD_CORE, first_line, running


@contextmanager
def many(count: int, folder: Path) -> Iterator[list[int]]:
    """So many nodes, on the core of the load; yields their ports."""
    command = [sys.executable, "-m", "bench.steady.many", str(count)]
    with running(command, LOAD_CORE, folder, "many") as process:
        yield [int(port) for port in first_line(process, folder / "many.out").split()]


async def serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    node = Node("one of many")
    ports = []
    for _ in range(count):
        server = await loop.create_server(partial(NodeProtocol, node), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), 1)
        except TimeoutError:
            node.tick()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
