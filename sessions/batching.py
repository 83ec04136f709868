"""Group commit: while one batch is in flight, the next one fills."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sessions.receipt import Receipt

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH_BYTES = 64 * 1024
_MANY = 3  # items that are worth waiting for; fewer come by chance
_PATIENCE, _MOST_PATIENCE = 0.01, 0.05  # seconds for which they are waited for: at least, at most


class Overloaded(Exception):
    """More is waiting than the batcher may hold."""


class Closed(Exception):
    """The batcher takes nothing more."""


class Batcher(Generic[Item, Answer]):
    """Puts items submitted one by one into batches, one batch in flight at a time, in order.

    A batch is at most `batch_bytes`, or one item. A single writer waits for nothing but its own batch;
    items submitted in one turn of the event loop travel together; where many come, a batch waits for others,
    at most 50 ms. An item whose submitter is cancelled
    before its batch leaves is not sent.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        size: Callable[[Item], int],
        *,
        batch_bytes: int = BATCH_BYTES,
        waiting_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """`send` gives one answer for each item, in order; what it raises goes to the whole batch."""
        self._send = send
        self._size = size
        self._batch_bytes = batch_bytes
        self._room = waiting_bytes
        self._waiting: deque[tuple[Item, int, Receipt[Answer]]] = deque()
        self._flight: asyncio.Task[None] | None = None
        self._enough: asyncio.Future[None] | None = None  # the next batch waits for `_wanted` items
        self._wanted = 0
        self._usual = 0  # items in a batch, of late
        self._took = 0.0  # seconds, of late
        self._closed = False
        self.batches = 0
        self.items = 0

    def __len__(self) -> int:
        """How many items wait for a batch to leave."""
        return len(self._waiting)

    def submit(self, item: Item) -> Receipt[Answer]:
        """Will be the answer to one item, or what `send` raised. Raises Overloaded, Closed.

        No coroutine: a task for each of the thousands that wait would cost more than the rest.
        """
        if self._closed:
            raise Closed("nothing more is sent")
        size = self._size(item)
        if size > self._room and self._waiting:
            raise Overloaded(f"{len(self._waiting)} are waiting to be sent")
        answer: Receipt[Answer] = Receipt()
        self._room -= size
        self._waiting.append((item, size, answer))
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        elif len(self._waiting) >= self._wanted:
            self._go_on()
        return answer

    async def close(self) -> None:
        """Take nothing more, and return when all that was taken has been sent and answered."""
        self._closed = True
        self._go_on()
        if self._flight:
            await asyncio.wait([self._flight])

    async def _fly(self) -> None:
        time = asyncio.get_running_loop().time
        try:
            while batch := self._next_batch():
                began = time()
                await self._deliver(batch)
                self._usual = max(len(batch), self._usual * 7 // 8)
                self._took = max(time() - began, self._took * 0.875)
                if not await self._gather(self._usual * 7 // 8):
                    self._usual //= 2  # they have become fewer
        finally:
            self._flight = None
            for _, _, answer in self._waiting:  # only where the loop is being torn down
                answer.cancel()

    async def _gather(self, wanted: int) -> bool:
        """Where many write at once, let the next batch become nearly as large as those before it: did it?

        Else one that has just missed a large batch leaves alone, and all others miss its batch: 64 writers on
        two nodes took 110 to 170 requests for 1,000 writes. A few wait for nobody: at 300 requests a second
        the slowest hundredth of writes took 10 ms and more, so 5. Behind who was away for a second is a large
        batch that took long: without a bound, writes would wait for others until their time was up.
        """
        if len(self._waiting) >= wanted or wanted < _MANY or self._closed:
            return True
        self._wanted, self._enough = wanted, asyncio.get_running_loop().create_future()
        patience = min(max(2 * self._took, _PATIENCE), _MOST_PATIENCE)
        timer = asyncio.get_running_loop().call_later(patience, self._go_on)
        try:
            await self._enough
        finally:
            timer.cancel()
            self._enough = None
        return len(self._waiting) >= wanted

    def _go_on(self) -> None:
        if self._enough is not None and not self._enough.done():
            self._enough.set_result(None)

    def _next_batch(self) -> list[tuple[Item, Receipt[Answer]]]:
        batch: list[tuple[Item, Receipt[Answer]]] = []
        left = self._batch_bytes
        while self._waiting and (not batch or self._waiting[0][1] <= left):
            item, size, answer = self._waiting.popleft()
            self._room += size
            if not answer.done():
                batch.append((item, answer))
                left -= size
        return batch

    async def _deliver(self, batch: list[tuple[Item, Receipt[Answer]]]) -> None:
        self.batches += 1
        self.items += len(batch)
        try:
            answers = await self._send([item for item, _ in batch])
            if len(answers) != len(batch):
                raise RuntimeError(f"{len(answers)} answers to {len(batch)} items")
        except asyncio.CancelledError:
            for _, waiting in batch:
                waiting.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the task's boundary: the submitters are told
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
        else:
            for (_, waiting), answer in zip(batch, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
