"""Who waits for an answer is told within the call that brings it."""

import asyncio
from typing import Any

import pytest

from sessions.receipt import Receipt


async def test_who_listens_is_told_at_once_and_in_order() -> None:
    receipt, told = Receipt[int](), list[str]()
    receipt.add_done_callback(lambda one: told.append(f"first {one.result()}"))
    receipt.add_done_callback(lambda one: told.append(f"second {one.result()}"))
    assert not receipt.done()
    receipt.set_result(3)
    assert told == ["first 3", "second 3"] and receipt.done() and not receipt.cancelled()


async def test_one_that_fails_to_listen_harms_nobody() -> None:
    receipt, told, failures = Receipt[int](), list[int](), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    receipt.add_done_callback(lambda one: 1 // 0)
    receipt.add_done_callback(lambda one: told.append(one.result()))
    receipt.set_result(3)
    assert told == [3]
    assert isinstance(failures[0]["exception"], ZeroDivisionError)


async def test_it_can_be_waited_for() -> None:
    receipt, other = Receipt[int](), Receipt[int]()
    waiting = asyncio.gather(receipt, other, return_exceptions=True)
    await asyncio.sleep(0)
    receipt.set_result(3)
    other.set_exception(OSError("no way"))
    answers = await waiting
    assert answers[0] == 3 and str(answers[1]) == "no way"
    assert await receipt == 3
    with pytest.raises(OSError, match="no way"):
        await other


async def test_who_waits_and_is_cancelled_takes_it_back() -> None:
    receipt = Receipt[int]()

    async def wait() -> int:
        return await receipt

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert receipt.done() and receipt.cancelled()
    with pytest.raises(asyncio.CancelledError):
        receipt.result()


async def test_who_takes_it_back_is_heard_once() -> None:
    receipt, told = Receipt[int](), list[bool]()
    receipt.add_done_callback(lambda one: told.append(one.cancelled()))
    receipt.cancel()
    receipt.cancel()
    assert told == [True]
