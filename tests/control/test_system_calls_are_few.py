"""How often the process asks the kernel for something, for each request."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path
from typing import NamedTuple

from tests.control.process import Limpet, configuration, eventually, running
from tests.scenarios.harness import RawNode, cookie_of, ok, read_request, started

TURNS = 300
KEPT_CALLS = 4.3  # two reads and two writes
NEW_CALLS = 12.0  # and accept, close, epoll's bookkeeping, and what uvloop asks of each new socket
# What comes with time, not with requests: the loop's waiting, clocks, threads, files that are watched.
_TIMED = {"epoll_pwait", "epoll_wait", "clock_gettime", "futex", "getpid", "pread64"}
REFUSED = "Operation not permitted"  # as strace has it


class Moved(NamedTuple):
    """System calls of the process that read or write, for each request."""

    reads: float
    writes: float


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(ok())


class Script:
    """The same requests again and again, on a connection that is kept or on new ones."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = b""

    async def kept(self, count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for _ in range(count):
            await self._ask(reader, writer, b"")
        writer.close()
        await writer.wait_closed()

    async def new(self, count: int) -> None:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            await self._ask(reader, writer, b"Connection: close\r\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()

    async def posted(self, count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for _ in range(count):
            await self._ask(reader, writer, b"Content-Length: 9\r\n", b"POST", b"some body")
        writer.close()
        await writer.wait_closed()

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fields: bytes,
        method: bytes = b"GET",
        body: bytes = b"",
    ) -> None:
        head = b"%b / HTTP/1.1\r\nHost: x\r\n%bCookie: %b\r\n\r\n" % (method, fields, self._cookie or b"a=1")
        writer.write(head + body)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        self._cookie = self._cookie or cookie_of(head)


def counted(limpet: Limpet) -> Moved:
    text = Path(f"/proc/{limpet.process.pid}/io").read_text()
    found = dict(line.split(": ") for line in text.splitlines())
    return Moved(int(found["syscr"]), int(found["syscw"]))


async def test_a_request_is_read_twice_and_written_twice(tmp_path: Path) -> None:
    node = RawNode(_answer)
    async with started(node), running(tmp_path, configuration([node.port])) as limpet:
        script = Script(await limpet.port())
        for run in (script.kept, script.posted, script.new):
            await run(20)
            before = counted(limpet)
            await run(TURNS)
            after = counted(limpet)
            assert (after.reads - before.reads) / TURNS < 3.5, run  # files that are watched among them
            assert (after.writes - before.writes) / TURNS < 2.5, run


async def traced(limpet: Limpet, file: Path) -> asyncio.subprocess.Process | None:
    """strace, when it has the process; None where this machine lets nobody trace."""
    strace = shutil.which("strace")
    assert strace, "sh tests/install.sh installs it"
    said = file.with_suffix(".err")
    with said.open("wb") as err:
        tracer = await asyncio.create_subprocess_exec(
            strace, "-f", "-c", "-o", str(file), "-p", str(limpet.process.pid), stderr=err
        )
    await eventually(lambda: "attached" in said.read_text() or tracer.returncode is not None)
    if REFUSED in said.read_text():
        await tracer.wait()
        print(f"system calls were not counted: {said.read_text()}", file=sys.stderr)
        return None
    assert tracer.returncode is None, said.read_text()
    return tracer


def caused(file: Path) -> int:
    """The calls that requests have caused, by strace's table: share, seconds, each, calls, errors?, name."""
    rows = [line.split() for line in file.read_text().splitlines()]
    calls = {row[-1]: int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit()}
    return sum(count for name, count in calls.items() if name not in _TIMED | {"total"})


async def test_a_request_takes_few_system_calls(tmp_path: Path) -> None:
    """Where tracing is forbidden (a container without SYS_PTRACE) it says so; the test above has to do."""
    node = RawNode(_answer)
    async with started(node), running(tmp_path, configuration([node.port])) as limpet:
        script = Script(await limpet.port())
        for run, most in ((script.kept, KEPT_CALLS), (script.new, NEW_CALLS)):
            await run(20)
            table = tmp_path / run.__name__
            tracer = await traced(limpet, table)
            if tracer is None:
                return
            await run(TURNS)
            tracer.send_signal(signal.SIGINT)
            await asyncio.wait_for(tracer.wait(), 60)
            assert caused(table) / TURNS < most, table.read_text()
