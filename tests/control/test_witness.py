"""Silence is reported before the keeper hears of it, and not told sooner than it can be explained."""

import asyncio

import pytest

from control import witness
from control.witness import NodeWitness, StoreWitness
from sessions.contract.messages import TAKEN, Action, Answer, Call
from tests.model.clock import in_computed_time


class StubTarget:
    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.touched: list[str] = []

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        return self.answer

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        self.touched.append(session_id)


@pytest.mark.parametrize(("call", "waits"), [(Call.GET, True), (Call.FENCE, True), (Call.PUT, False)])
@in_computed_time
async def test_a_question_s_silence_takes_its_time(
    call: Call, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "PATIENCE", 0.05)
    silent: list[float] = []
    now = asyncio.get_running_loop().time
    node = NodeWitness(StubTarget(None), lambda: silent.append(now()), asyncio.sleep)
    began = now()
    assert await node.call(Action(call, 0), "x", 60) is None
    assert len(silent) == 1
    assert (now() - began >= 0.05) is waits
    assert silent[0] == began


@in_computed_time
async def test_a_silence_of_who_is_down_by_now_is_told_at_once() -> None:
    down = asyncio.Event()

    async def gone(_seconds: float) -> None:
        await down.wait()

    asking = asyncio.ensure_future(
        NodeWitness(StubTarget(None), lambda: None, gone).call(Action(Call.GET, 0), "x", 60)
    )
    done, _ = await asyncio.wait([asking], timeout=1)
    assert not done
    down.set()
    assert await asking is None


async def test_an_answer_is_passed_on_at_once() -> None:
    silent: list[int] = []
    target = StubTarget(TAKEN)
    node = NodeWitness(target, lambda: silent.append(1), asyncio.sleep)
    assert await node.call(Action(Call.PUT, 0), "x", 60) is TAKEN
    await node.touch("x", 1, 60)
    assert (silent, target.touched) == ([], ["x"])


async def test_the_bytes_of_a_service_in_a_store_are_counted() -> None:
    target = StubTarget(TAKEN)
    store = StoreWitness("main", target)
    await store.call(Action(Call.PUT, -1, 2, b"12345"), "x", 60)
    await store.call(Action(Call.GET, -1), "x", 60)
    await store.touch("x", 1, 60)
    assert (store.copied_bytes, target.touched) == (5, ["x"])
