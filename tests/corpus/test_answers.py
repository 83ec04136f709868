"""Every answer of the corpus from a node behind a running proxy, whole and byte by byte."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.corpus import answers_accepted, answers_refused
from tests.corpus.case import BadAnswer, CutAnswer, GoodAnswer, answer, request
from tests.corpus.reading import CutShort, Message, Stream, pieces
from tests.scenarios.harness import RawNode, eventually, running_proxy, service

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGAIN = request(target=b"/again")
RESET = struct.pack("ii", 1, 0)


@dataclass
class Connection:
    """One that the proxy has opened, as its node sees it."""

    requests: int = 0
    written: bool = False  # all that the case says
    closed: bool = False


class ScriptedNode:
    """Says to `GET /` what the case has, and to `/again` something plain."""

    def __init__(self) -> None:
        self.raw = RawNode(self._serve)
        self.parts: list[bytes] = []
        self.closes = False
        self.reset = False
        self.asked: list[Connection] = []  # by the case's own request
        self.again: Connection | None = None

    def say(self, wire: bytes, bytewise: bool, closes: bool = False, reset: bool = False) -> None:
        self.parts = pieces(wire, bytewise)
        self.closes, self.reset = closes, reset
        self.asked, self.again = [], None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, stream = Connection(), Stream(reader)
        try:
            while (message := await stream.request()) is not None:
                connection.requests += 1
                if message.start.split(b" ")[1] == b"/again":
                    self.again = connection
                    writer.write(answer(b"Content-Length: 5", body=b"again"))
                    continue
                self.asked.append(connection)
                await self._answer(writer)
                connection.written = True
                if self.closes or self.reset:
                    return
        except (CutShort, ConnectionError):
            pass
        finally:
            connection.closed = True

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        for part in self.parts:
            if writer.transport.is_closing():
                return
            writer.write(part)
            await asyncio.sleep(0)
        await writer.drain()
        if self.reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


@dataclass
class Bench:
    """The proxy's port and its node."""

    port: int
    node: ScriptedNode

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[Stream, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Stream(reader), writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def check_again(self) -> None:
        """A new client gets the right answer to the next request."""
        async with self.client() as (stream, writer):
            writer.write(AGAIN)
            message = await stream.answer()
            assert message is not None
            assert (message.status, message.body) == (200, b"again")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    node = ScriptedNode()
    await node.raw.start()
    settings = service([node.raw.port], affinity={"mode": "none"}, retries={"budget": 1.0})
    async with running_proxy({"app": settings}) as proxy:
        yield Bench(proxy.port, node)
    await node.raw.stop()


Case = BadAnswer | CutAnswer | GoodAnswer


def both_ways(cases: tuple[Case, ...]) -> list[object]:
    return [
        pytest.param(case, bytewise, id=f"{case.name}{', byte by byte' * bytewise}".replace("::", "--"))
        for case in cases
        for bytewise in (False, True)
    ]


@pytest.mark.parametrize(("case", "bytewise"), both_ways(answers_refused.CASES))
async def test_refused(bench: Bench, case: BadAnswer, bytewise: bool) -> None:
    node = bench.node
    node.say(case.wire, bytewise)
    async with bench.client() as (stream, writer):
        writer.write(request())
        try:
            message = await stream.answer()
        except CutShort:
            assert case.in_body
            assert await stream.rest() == b""
        else:
            assert message is not None
            assert message.status == 502, message
    assert node.asked
    await eventually(lambda: all(connection.closed for connection in node.asked))
    await bench.check_again()
    assert node.again not in node.asked


@pytest.mark.parametrize(("case", "bytewise"), both_ways(answers_accepted.CUT))
async def test_cut_short(bench: Bench, case: CutAnswer, bytewise: bool) -> None:
    node = bench.node
    node.say(case.wire, bytewise, closes=True, reset=case.reset)
    async with bench.client() as (stream, writer):
        writer.write(case.asked)
        try:
            message = await stream.answer()
        except CutShort:
            assert await stream.rest() == b""
        else:
            assert message is not None
            assert message.status == 502, message
    assert node.asked
    await bench.check_again()
    assert node.again not in node.asked


def check_good(message: Message | None, case: GoodAnswer) -> None:
    assert message is not None
    assert (message.status, message.body, message.trailers) == (case.status, case.body, case.trailers)
    assert tuple(interim.status for interim in message.interim) == case.interim
    for name in {name for name, _ in case.fields}:
        assert message.values(name) == [value for known, value in case.fields if known == name]
    assert [name for name in case.absent if message.values(name)] == []


@pytest.mark.parametrize(("case", "bytewise"), both_ways(answers_accepted.ACCEPTED))
async def test_accepted(bench: Bench, case: GoodAnswer, bytewise: bool) -> None:
    node = bench.node
    node.say(case.wire, bytewise, closes=case.closes)
    async with bench.client() as (stream, writer):
        writer.write(case.asked)
        check_good(await stream.answer(case.asked.split(b" ")[0]), case)
        await eventually(lambda: all(connection.written or connection.closed for connection in node.asked))
        if not case.reusable:
            await eventually(lambda: node.asked[0].closed)
        if case.kept:
            writer.write(AGAIN)
            message = await stream.answer()
            assert message is not None
            assert message.body == b"again"
        else:
            assert await stream.rest() == b""
            await bench.check_again()
    assert len(node.asked) == 1
    assert (node.again is node.asked[0]) == case.reusable


async def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len({case.wire for case in answers_refused.CASES}) >= 500
    assert len({(case.wire, case.asked) for case in answers_accepted.ACCEPTED}) >= 100
    everything: tuple[Case, ...] = (
        *answers_refused.CASES,
        *answers_accepted.ACCEPTED,
        *answers_accepted.CUT,
    )
    assert len({case.name for case in everything}) == len(everything)
    assert all(case.source for case in everything)
