"""The corpus with bytes changed, against a running proxy: no request becomes two or gets another's answer."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.corpus.case import NEXT, Accepted, Refused
from tests.corpus.recording import Bench, exchange, recording_bench
from tests.corpus.test_requests import ACCEPTED, REFUSED

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEED = 20260
ROUNDS = 60
AT_ONCE = 20
PARTS = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\x00",
    b":",
    b";",
    b"0",
    b"5",
    b"x",
    b"\x0b",
    b"\xff",
    b"chunked",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    async with recording_bench() as running:
        yield running


def mutated(seeded: random.Random, case: Accepted | Refused) -> bytes:
    wire = case.wire[:3000]
    for _ in range(seeded.randint(1, 3)):
        start = seeded.randint(0, len(wire))
        wire = wire[:start] + seeded.choice((b"", *PARTS)) + wire[start + seeded.randint(0, 2) :]
    return wire


async def test_every_answer_is_of_a_request_that_the_node_has_seen(bench: Bench) -> None:
    seeded = random.Random(SEED)
    for _ in range(ROUNDS):
        bench.node.clear()
        wires = [mutated(seeded, seeded.choice((*ACCEPTED, *REFUSED))) for _ in range(AT_ONCE)]
        outcomes = await asyncio.gather(
            *(exchange(bench, wire + NEXT, index % 2 == 0, ends=True) for index, wire in enumerate(wires))
        )
        bodies = [answer.body for outcome in outcomes for answer in outcome.answers if answer.status == 200]
        seen = [b" ".join(message.start.split(b" ")[:2]) for message in bench.node.whole]
        for body in bodies:
            assert body in seen
            seen.remove(body)
        for outcome in outcomes:
            assert [answer.status for answer in outcome.answers[:-1] if answer.status >= 400] == []
