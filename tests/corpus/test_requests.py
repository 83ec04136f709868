"""Every request of the corpus against a running proxy with a recording node, whole and byte by byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.corpus import accepted_heads, accepted_messages, chunks, codings, fields, hosts, lengths, lines
from tests.corpus.case import NEXT, Accepted, Refused, Seen, chunked, post, request
from tests.corpus.reading import Message, Stream, send
from tests.corpus.recording import BODY_LIMIT, Bench, exchange, recording_bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = tuple(case for table in (lengths, codings, chunks, fields, hosts, lines) for case in table.CASES)
ACCEPTED = (*accepted_heads.CASES, *accepted_messages.CASES)
AGAIN = request(target=b"/again")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    async with recording_bench() as running:
        yield running


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


WITH_LENGTH = post(b"Content-Length: 5", body=b"hello")
WITH_CHUNKS = chunked(b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")


@pytest.mark.parametrize("wire", [WITH_LENGTH, WITH_CHUNKS])
async def test_a_request_cut_short_anywhere_is_no_request(bench: Bench, wire: bytes) -> None:
    bench.node.clear()
    outcomes = await asyncio.gather(
        *(exchange(bench, wire[:cut], False, ends=True) for cut in range(1, len(wire)))
    )
    assert {answer.status for outcome in outcomes for answer in outcome.answers} == {400}
    assert bench.node.whole == []


async def test_a_request_may_be_split_anywhere(bench: Bench) -> None:
    bench.node.clear()
    wire = WITH_LENGTH + WITH_CHUNKS + request(b"Connection: close", target=b"/last")

    async def in_two(cut: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        stream, answers = Stream(reader), []
        await send(writer, wire[:cut], False)
        await send(writer, wire[cut:], False)
        while (answer := await stream.answer()) is not None:
            answers.append(answer.body)
        writer.close()
        return answers

    answers = await asyncio.gather(*(in_two(cut) for cut in range(1, len(wire))))
    assert set(map(tuple, answers)) == {(b"POST /", b"POST /", b"GET /last")}
    bodies = sorted(message.body for message in bench.node.whole)
    assert bodies == [b""] * len(answers) + [b"hello"] * 2 * len(answers)


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
