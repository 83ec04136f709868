"""The load goes on whatever becomes of its requests: each user in turn, one request at a time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest

from control.compare import load as module
from control.compare.load import Load, NotAnswered
from control.compare.visitors import READ, WRITE, SomebodyElses, Visit, Visitor
from tests.control.process import eventually


class Stub:
    """A user whose requests end when the test says so, as it says."""

    def __init__(self, number: int, answered: Callable[[], bool] = lambda: True) -> None:
        self.busy = False
        self.turns = number
        self.answered_at = 0.0
        self.asked: list[str] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._answered = answered

    async def visit(self, method: str) -> Visit:
        assert not self.busy
        self.busy = True
        self.asked.append(method)
        await self.may_end.wait()
        self.busy = False
        answered = self._answered()
        self.answered_at = 1.0 if answered else 0.0
        return Visit(0.0, 1.0, method, answered)


def loaded(*stubs: Stub, rate: float = 5000.0) -> Load:
    return Load("store", cast(list[Visitor], stubs), rate)


async def test_each_has_a_turn_and_one_request_in_three_writes() -> None:
    stubs = [Stub(number) for number in range(6)]
    load = loaded(*stubs)
    load.start()
    await eventually(lambda: len(load.visits) >= 60, 20)
    await load.stop()
    counts = [len(stub.asked) for stub in stubs]
    assert max(counts) - min(counts) <= 1
    for stub in stubs:
        methods = Counter(stub.asked[:9])
        assert (methods[READ], methods[WRITE]) == (6, 3)
    assert load.met_since(0.5) and not load.met_since(2.0)
    assert len(load.late) >= 60


async def test_who_waits_is_passed_over_and_nobody_waits_for_them() -> None:
    slow, quick = Stub(0), Stub(1)
    slow.may_end.clear()
    load = loaded(slow, quick)
    load.start()
    await eventually(lambda: len(quick.asked) >= 10, 20)
    assert len(slow.asked) == 1
    slow.may_end.set()
    await load.stop()
    assert len(load.visits) == len(slow.asked) + len(quick.asked)


async def test_who_got_no_answer_tries_again_before_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    answers = iter([False])
    unlucky = Stub(0, lambda: next(answers, True))
    others = [Stub(number) for number in range(1, 200)]
    load = loaded(unlucky, *others, rate=500.0)
    load.start()
    await eventually(lambda: len(unlucky.asked) == 2, 20)
    assert sum(len(stub.asked) for stub in others) < 199
    await load.stop()


async def test_everybody_asks_once_and_again_until_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    answers = iter([False, False])
    stubs = [Stub(number, lambda: next(answers, True)) for number in range(40)]
    load = loaded(*stubs)
    await load.once(load.visitors, WRITE)
    assert all(set(stub.asked) == {WRITE} for stub in stubs)
    assert (len(load.visits), sum(visit.answered for visit in load.visits)) == (42, 40)
    monkeypatch.setattr(module, "LONGEST", 0.05)
    with pytest.raises(NotAnswered, match="store: a session has had no answer"):
        await loaded(Stub(0, lambda: False)).once(cast(list[Visitor], [Stub(0, lambda: False)]), READ)


async def test_what_no_count_can_express_is_raised() -> None:
    def theirs() -> bool:
        raise SomebodyElses("the session of somebody")

    load = loaded(Stub(0, theirs))
    load.start()
    with pytest.raises(SomebodyElses):
        async with asyncio.timeout(60):
            while True:
                load.check()
                await asyncio.sleep(0.01)
    with pytest.raises(SomebodyElses):
        await load.stop()
