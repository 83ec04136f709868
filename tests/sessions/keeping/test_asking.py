"""A machine hears of each call once: its answer, or that there was none."""

import asyncio
import logging

import pytest

from sessions.contract.messages import TAKEN, Action, Answer, Call
from sessions.keeping.asking import Asking
from sessions.keeping.targets import Targets
from tests.model.clock import in_computed_time, stand_still
from tests.sessions.keeping.cluster import until

GET = Action(Call.GET, 0)


class Scripted:
    """A target that answers when it is told to."""

    def __init__(self) -> None:
        self.answers: list[asyncio.Future[Answer | None]] = []
        self.cancelled = 0

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def touch(self, session_id: str, version: int, ttl: int) -> None: ...


def asking() -> tuple[Asking, Scripted, list[Answer | None]]:
    target, heard = Scripted(), list[Answer | None]()
    targets = Targets([target], ["n"], None, 60)
    return Asking(targets, "id", lambda _, answer: heard.append(answer)), target, heard


@in_computed_time
async def test_an_answer_is_heard_once() -> None:
    calls, target, heard = asking()
    calls.send(GET, 0.5)
    await until(lambda: len(target.answers) == 1)
    target.answers[0].set_result(TAKEN)
    assert heard == []
    await until(lambda: heard == [TAKEN])
    await asyncio.sleep(0.6)  # beyond the time that it had
    assert heard == [TAKEN] and not calls


@in_computed_time
async def test_a_call_whose_time_is_up_is_silence_and_is_taken_back() -> None:
    calls, target, heard = asking()
    calls.send(GET, 0.01)
    await until(lambda: heard == [None])
    await until(lambda: target.cancelled == 1)
    assert not calls


@in_computed_time
async def test_what_came_while_this_process_stood_still_is_heard() -> None:
    calls, target, heard = asking()
    calls.send(GET, 0.5)
    await until(lambda: len(target.answers) == 1)
    stand_still(2.0)
    asyncio.get_running_loop().call_later(0.01, target.answers[0].set_result, TAKEN)  # it is read now
    await until(lambda: bool(heard))
    assert heard == [TAKEN] and not calls


@in_computed_time
async def test_silence_is_silence_after_a_standstill_too() -> None:
    calls, target, heard = asking()
    calls.send(GET, 0.5)
    await until(lambda: len(target.answers) == 1)
    stand_still(2.0)
    await until(lambda: bool(heard))
    assert heard == [None] and not calls


@in_computed_time
async def test_nothing_is_heard_of_what_was_dropped() -> None:
    calls, target, heard = asking()
    calls.send(GET, 0.5)
    calls.send(GET)
    await until(lambda: len(target.answers) == 2)
    calls.drop()
    await until(lambda: target.cancelled == 2)
    await asyncio.sleep(0.6)
    assert heard == [] and not calls


@in_computed_time
async def test_a_call_that_breaks_is_silence_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    calls, target, heard = asking()
    calls.send(GET)
    await until(lambda: len(target.answers) == 1)
    with caplog.at_level(logging.ERROR):
        target.answers[0].set_exception(ZeroDivisionError())
        await until(lambda: heard == [None])
    assert "broke" in caplog.text
