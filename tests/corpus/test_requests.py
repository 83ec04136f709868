"""Every request of the corpus against a running proxy with a recording node, whole and byte by byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.corpus import accepted_heads, accepted_messages, chunks, codings, fields, hosts, lengths, lines
from tests.corpus.case import NEXT, Accepted, Refused, Seen, request
from tests.corpus.reading import CutShort, Message, Stream, send
from tests.scenarios.harness import RawNode, running_proxy, service

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY_LIMIT = 100_000
REFUSED = tuple(case for table in (lengths, codings, chunks, fields, hosts, lines) for case in table.CASES)
ACCEPTED = (*accepted_heads.CASES, *accepted_messages.CASES)
AGAIN = request(target=b"/again")


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
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


async def exchange(bench: Bench, wire: bytes, bytewise: bool) -> Outcome:
    """Send it and read answers until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    sending = asyncio.create_task(send(writer, wire, bytewise))
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


def both_ways(cases: tuple[Refused, ...] | tuple[Accepted, ...]) -> list[object]:
    return [
        pytest.param(case, bytewise, id=f"{case.name}{', byte by byte' * bytewise}".replace("::", "--"))
        for case in cases
        for bytewise in (False, True)
    ]


@pytest.mark.parametrize(("case", "bytewise"), both_ways(REFUSED))
async def test_refused(bench: Bench, case: Refused, bytewise: bool) -> None:
    bench.node.clear()
    outcome = await exchange(bench, case.wire if case.alone else case.wire + NEXT, bytewise)
    assert not outcome.cut
    *before, refusal = outcome.answers
    assert [answer.status for answer in before] == [200] * case.answered
    assert refusal.status in case.statuses, refusal
    assert refusal.values(b"connection") == [b"close"]
    assert len(bench.node.whole) == case.answered
    assert case.in_body or len(bench.node.heads) == case.answered


def check_seen(message: Message, seen: Seen) -> None:
    assert message.start == b"%b %b HTTP/1.1" % (seen.method, seen.target)
    sent_hosts = message.values(b"host")
    assert len(sent_hosts) == 1
    assert seen.host is None or sent_hosts == [seen.host]
    for name in {name for name, _ in seen.fields}:
        assert message.values(name) == [value for known, value in seen.fields if known == name]
    assert [name for name in seen.absent if message.values(name)] == []
    assert (message.body, message.trailers) == (seen.body, seen.trailers)


@pytest.mark.parametrize(("case", "bytewise"), both_ways(ACCEPTED))
async def test_accepted(bench: Bench, case: Accepted, bytewise: bool) -> None:
    bench.node.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    stream = Stream(reader)
    sending = asyncio.create_task(send(writer, case.wire, bytewise))
    for seen in case.seen:
        answer = await stream.answer(seen.method)
        assert answer is not None
        assert (answer.status, answer.body) == (200, b"%b %b" % (seen.method, seen.target)), answer
    await sending
    if case.kept:
        writer.write(AGAIN)
        answer = await stream.answer()
        assert answer is not None
        assert answer.body == b"GET /again"
    else:
        assert await stream.rest() == b""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    received = bench.node.whole[: len(case.seen)]
    assert len(bench.node.whole) == len(case.seen) + case.kept
    for message, seen in zip(received, case.seen, strict=True):
        check_seen(message, seen)


async def test_a_body_above_the_limit_is_refused(bench: Bench) -> None:
    bench.node.clear()
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    outcome = await exchange(bench, head + chunk * 11 + b"0\r\n\r\n" + NEXT, False)
    assert [answer.status for answer in outcome.answers] == [413]
    assert bench.node.whole == []
    outcome = await exchange(bench, head + chunk * 10 + b"0\r\n\r\n" + request(b"Connection: close"), False)
    assert [answer.status for answer in outcome.answers] == [200, 200]
    assert len(bench.node.whole[0].body) == BODY_LIMIT


async def test_no_answer_goes_to_the_wrong_request(bench: Bench) -> None:
    """Good and bad requests at once, on many connections: each answer names the request that it is for."""

    async def client(number: int) -> None:
        wires = [request(target=b"/%d/%d" % (number, index)) for index in range(10)]
        bad = REFUSED[number * 31 % len(REFUSED)]
        outcome = await exchange(bench, b"".join(wires) + bad.wire + NEXT, number % 2 == 0)
        wanted = [b"GET /%d/%d" % (number, index) for index in range(10)]
        assert [answer.body for answer in outcome.answers[:10]] == wanted

    await asyncio.gather(*(client(number) for number in range(40)))


async def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len({case.wire for case in REFUSED}) >= 1300
    assert len({case.wire for case in ACCEPTED}) >= 220
    assert len({case.name for case in (*REFUSED, *ACCEPTED)}) == len(REFUSED) + len(ACCEPTED)
    assert all(case.source for case in (*REFUSED, *ACCEPTED))
