"""A proxy with a node behind it that keeps what it has seen, and a client that keeps what it was answered."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.corpus.reading import CutShort, Message, Stream, send
from tests.scenarios.harness import RawNode, running_proxy, service

BODY_LIMIT = 100_000


class RecordingNode:
    """Answers each request with its own method and target, and keeps what it has seen."""

    def __init__(self) -> None:
        self.raw = RawNode(self._serve)
        self.heads: list[Message] = []
        self.whole: list[Message] = []
        self.busy = 0

    def clear(self) -> None:
        self.heads.clear()
        self.whole.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Recorded(reader, self)
        with contextlib.suppress(CutShort):
            while (message := await stream.request()) is not None:
                self.whole.append(message)
                method, target, _ = message.start.split(b" ")
                body = b"%b %b" % (method, target)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                writer.write(head if method == b"HEAD" else head + body)


class Recorded(Stream):
    """Notes each head as soon as it is there, whatever becomes of its body."""

    def __init__(self, reader: asyncio.StreamReader, node: RecordingNode) -> None:
        super().__init__(reader)
        self._node = node

    async def head(self) -> Message | None:
        message = await super().head()
        if message is not None:
            self._node.heads.append(message)
        return message


@dataclass
class Bench:
    """The proxy's port and its node."""

    port: int
    node: RecordingNode


@contextlib.asynccontextmanager
async def recording_bench() -> AsyncIterator[Bench]:
    node = RecordingNode()
    await node.raw.start()
    async with running_proxy({"app": service([node.raw.port])}, limits={"body": BODY_LIMIT}) as proxy:
        yield Bench(proxy.port, node)
    await node.raw.stop()


@dataclass
class Outcome:
    """What a client got: its answers, and whether the connection ended."""

    answers: list[Message] = field(default_factory=list)
    cut: bool = False


async def exchange(bench: Bench, wire: bytes, bytewise: bool, ends: bool = False) -> Outcome:
    """Send it and read answers until the connection ends. `ends`: half-close when it is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    sending = asyncio.create_task(send(writer, wire, bytewise, ends))
    stream, outcome = Stream(reader), Outcome()
    try:
        while (answer := await stream.answer()) is not None:
            outcome.answers.append(answer)
    except CutShort:
        outcome.cut = True
    finally:
        await sending
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return outcome
