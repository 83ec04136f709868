"""A long body passes through memory that the process has already, in place of ever new one."""

import asyncio
from pathlib import Path

from tests.control.process import Limpet, configuration, running
from tests.scenarios.harness import RawNode, read_request, started

BODY = bytes(1024 * 1024)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
TURNS = 40
MOST_FAULTS = 60  # pages first touched, for each body; 156 where each read had new ones


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(HEAD + BODY)
        await writer.drain()


async def download(port: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2 * len(BODY))
    for _ in range(count):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(BODY)) == BODY
    writer.close()
    await writer.wait_closed()


def faults(limpet: Limpet) -> int:
    """Pages that the kernel has given the process so far, without reading them from a disk (proc(5))."""
    fields = Path(f"/proc/{limpet.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[7])


async def test_long_bodies_take_memory_that_is_there(tmp_path: Path) -> None:
    node = RawNode(_answer)
    async with started(node), running(tmp_path, configuration([node.port])) as limpet:
        port = await limpet.port()
        await download(port, 10)
        before = faults(limpet)
        await download(port, TURNS)
        assert (faults(limpet) - before) / TURNS < MOST_FAULTS
