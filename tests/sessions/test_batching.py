"""While one batch is in flight, the next one fills: order, limits, failures, cancellation."""

import asyncio
from collections.abc import Sequence

import pytest

from sessions.batching import Batcher, Closed, Overloaded
from sessions.receipt import Receipt
from tests.model.clock import run


class Sender:
    """Answers each item with its double, when the test lets it."""

    def __init__(self, free: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.called = asyncio.Event()
        self.let = asyncio.Semaphore(10**6 if free else 0)
        self.error: Exception | None = None
        self.answers: list[int] | None = None

    def allow(self, batches: int) -> None:
        for _ in range(batches):
            self.let.release()

    async def __call__(self, batch: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(batch))
        self.called.set()
        await self.let.acquire()
        if self.error:
            raise self.error
        return [2 * item for item in batch] if self.answers is None else self.answers


def batcher(sender: Sender, batch_bytes: int = 100, waiting_bytes: int = 1000) -> Batcher[int, int]:
    """An item's size is its value."""
    return Batcher(sender, lambda item: item, batch_bytes=batch_bytes, waiting_bytes=waiting_bytes)


def submitted(batches: Batcher[int, int], *items: int) -> list[Receipt[int]]:
    return [batches.submit(item) for item in items]


async def in_flight(sender: Sender) -> None:
    async with asyncio.timeout(5):
        await sender.called.wait()
    sender.called.clear()


async def test_a_single_writer_waits_for_no_timer() -> None:
    sender = Sender(free=True)
    batches = batcher(sender)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert [await batches.submit(item) for item in (1, 2, 3)] == [2, 4, 6]
    counting.cancel()
    assert sender.batches == [[1], [2], [3]]
    assert turns < 20


async def test_while_one_batch_is_in_flight_the_next_one_fills() -> None:
    sender = Sender()
    batches = batcher(sender)
    first = submitted(batches, 1)
    await in_flight(sender)
    more = submitted(batches, 2, 3, 4)
    await asyncio.sleep(0)
    assert sender.batches == [[1]] and len(batches) == 3
    sender.allow(1)
    await in_flight(sender)
    assert sender.batches == [[1], [2, 3, 4]]
    sender.allow(1)
    assert await asyncio.gather(*first, *more) == [2, 4, 6, 8]
    assert (batches.batches, batches.items) == (2, 4)


async def test_what_is_submitted_in_one_turn_travels_together() -> None:
    sender = Sender(free=True)
    assert await asyncio.gather(*submitted(batcher(sender), 1, 2, 3)) == [2, 4, 6]
    assert sender.batches == [[1, 2, 3]]


async def test_a_batch_is_at_most_its_bytes_or_one_item() -> None:
    sender = Sender(free=True)
    items = [60, 40, 1, 500, 99, 2]
    assert await asyncio.gather(*submitted(batcher(sender), *items)) == [2 * item for item in items]
    assert sender.batches == [[60, 40], [1], [500], [99], [2]]


async def test_more_than_may_wait_is_refused_and_a_single_item_never() -> None:
    sender = Sender()
    batches = batcher(sender, waiting_bytes=100)
    large = submitted(batches, 150)
    await in_flight(sender)
    waiting = submitted(batches, 60, 40)
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="2 are waiting"):
        await batches.submit(1)
    sender.allow(1)
    await in_flight(sender)
    later = submitted(batches, 50)
    sender.allow(2)
    assert await asyncio.gather(*large, *waiting, *later) == [300, 120, 80, 100]


async def test_a_failure_goes_to_its_batch_alone() -> None:
    sender = Sender()
    batches = batcher(sender)
    bad = submitted(batches, 1, 2)
    await in_flight(sender)
    good = submitted(batches, 3)
    sender.error = OSError("no way")
    sender.allow(1)
    assert [str(error) for error in await asyncio.gather(*bad, return_exceptions=True)] == ["no way"] * 2
    sender.error = None
    sender.allow(1)
    assert await asyncio.gather(*good) == [6]


async def test_a_batch_that_cannot_even_begin_fails_alone() -> None:
    begun: list[list[int]] = []

    def send(items: Sequence[int]) -> None:
        begun.append(list(items))
        if len(begun) == 1:
            raise OSError("no more descriptors")

    batches: Batcher[int, int] = Batcher(send, lambda item: item)
    first = batches.submit(1)
    with pytest.raises(OSError, match="no more descriptors"):
        await asyncio.wait_for(first, 5)
    second = batches.submit(2)
    await asyncio.sleep(0)
    batches.landed([4])
    assert await second == 4
    assert begun == [[1], [2]]


async def test_a_batch_that_is_cancelled_holds_up_nobody_behind_it() -> None:
    ways = [asyncio.get_running_loop().create_future() for _ in range(2)]
    ways[1].set_result([6])
    given = iter(ways)
    batches: Batcher[int, int] = Batcher(lambda _: next(given), lambda item: item)
    first = batches.submit(1)
    await asyncio.sleep(0)
    behind = batches.submit(2)
    ways[0].cancel()
    for cancelled in (first, behind):
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    assert await asyncio.wait_for(batches.submit(3), 5) == 6


async def test_a_wrong_number_of_answers_is_an_error() -> None:
    sender = Sender(free=True)
    sender.answers = [1]
    results = await asyncio.gather(*submitted(batcher(sender), 1, 2), return_exceptions=True)
    assert [str(error) for error in results] == ["1 answers to 2 items"] * 2


async def test_who_is_cancelled_before_the_batch_leaves_is_not_sent() -> None:
    sender = Sender()
    batches = batcher(sender)
    first = submitted(batches, 1)
    await in_flight(sender)
    two, three = submitted(batches, 2, 3)
    await asyncio.sleep(0)
    two.cancel()
    sender.allow(2)
    assert await asyncio.gather(*first, three) == [2, 6]
    assert sender.batches == [[1], [3]]
    alone = submitted(batches, 4)[0]
    alone.cancel()
    assert alone.cancelled()
    sender.allow(1)
    assert await batches.submit(5) == 10
    assert sender.batches == [[1], [3], [5]]


async def test_who_is_cancelled_in_flight_harms_nobody() -> None:
    sender = Sender()
    batches = batcher(sender)
    one, two = submitted(batches, 1, 2)
    await in_flight(sender)
    one.cancel()
    sender.allow(1)
    assert await two == 4
    assert one.cancelled()


async def test_closing_sends_what_was_taken_and_takes_no_more() -> None:
    sender = Sender()
    batches = batcher(sender)
    taken = submitted(batches, 60, 60)
    await in_flight(sender)
    closing = asyncio.create_task(batches.close())
    await asyncio.sleep(0)
    with pytest.raises(Closed):
        await batches.submit(1)
    sender.allow(2)
    await closing
    assert [task.result() for task in taken] == [120, 120]
    await batches.close()


async def long_flight(sender: Sender, seconds: float = 0.2) -> None:
    """Until a batch has been under way for that long, and then is answered."""
    await in_flight(sender)
    await asyncio.sleep(seconds)
    sender.allow(1)


def test_after_a_large_batch_the_next_waits_for_most_of_as_many() -> None:
    run(_most_of_as_many())


async def _most_of_as_many() -> None:
    sender = Sender()
    batches = batcher(sender)
    first = submitted(batches, *[1] * 8)
    await long_flight(sender)
    lone = submitted(batches, 2)
    await asyncio.gather(*first)
    await asyncio.sleep(0.02)
    assert len(sender.batches) == 1, "it waits"
    others = submitted(batches, 3, 4, 5, 6, 7)
    sender.allow(1)
    assert await asyncio.gather(*lone, *others) == [4, 6, 8, 10, 12, 14]
    assert sender.batches == [[1] * 8, [2, 3, 4, 5, 6, 7]]


def test_what_does_not_gather_waits_for_nobody_but_the_batch_before() -> None:
    run(_without_gathering())


async def _without_gathering() -> None:
    sender, loop = Sender(), asyncio.get_running_loop()
    batches: Batcher[int, int] = Batcher(sender, lambda item: item, gathers=False)
    first = submitted(batches, *[1] * 8)
    await long_flight(sender)
    lone = submitted(batches, 2)
    await asyncio.gather(*first)
    began = loop.time()
    sender.allow(1)
    assert await asyncio.gather(*lone) == [4]
    assert loop.time() == began
    assert sender.batches == [[1] * 8, [2]]


@pytest.mark.parametrize("away_seconds", [0.2, 0.9])
def test_nobody_waits_long_for_others_after_a_batch_that_took_long(away_seconds: float) -> None:
    """One who was away has many waiting when it answers, and their batch took as long as it was away."""
    run(_after_a_long_flight(away_seconds))


async def _after_a_long_flight(away_seconds: float) -> None:
    loop, sender = asyncio.get_running_loop(), Sender()
    batches = batcher(sender)
    first = submitted(batches, *[1] * 40)
    await long_flight(sender, away_seconds)
    await asyncio.gather(*first)
    sender.allow(10)
    took = []
    for item in range(2, 12):
        began = loop.time()
        assert await batches.submit(item) == 2 * item
        took.append(loop.time() - began)
    assert max(took) < 0.06
    assert took[-1] == 0, "soon a single writer waits for nobody"
    assert sender.batches[1:] == [[item] for item in range(2, 12)]


def test_closing_does_not_wait_for_others() -> None:
    run(_closing_while_others_are_waited_for())


async def _closing_while_others_are_waited_for() -> None:
    loop, sender = asyncio.get_running_loop(), Sender()
    batches = batcher(sender)
    first = submitted(batches, *[1] * 8)
    await long_flight(sender)
    await asyncio.gather(*first)
    lone = submitted(batches, 2)
    sender.allow(1)
    began = loop.time()
    await batches.close()
    assert lone[0].result() == 4
    assert loop.time() == began
