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
    at most 50 ms, if it `gathers`. An item whose submitter is cancelled before its batch leaves is not sent.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]] | None],
        size: Callable[[Item], int],
        *,
        batch_bytes: int = BATCH_BYTES,
        waiting_bytes: int = 64 * 1024 * 1024,
        gathers: bool = True,
    ) -> None:
        """`send` gives one answer for each item, in order; what it raises goes to the whole batch.

        Or it gives None, and `landed` or `broke` is called later: that needs no task for each batch.
        """
        self._send = send
        self._size = size
        self._batch_bytes = batch_bytes
        self._room = waiting_bytes
        self._gathers = gathers
        self._waiting: deque[tuple[Item, int, Receipt[Answer]]] = deque()
        self._flight: list[Receipt[Answer]] = []  # who waits for the batch that is under way
        self._leaving: asyncio.Handle | None = None  # when the next one leaves, once that is known
        self._task: asyncio.Task[None] | None = None  # of a `send` that is a coroutine
        self._wanted = 0  # items that the next batch waits for; 0: it leaves as it is
        self._usual = 0  # items in a batch, of late
        self._began = 0.0  # when the last batch left, by the loop's time
        self._took = 0.0  # seconds, of late
        self._closed = False
        self._rested: asyncio.Future[None] | None = None  # whoever closes waits for it
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
        if self._leaving is None:
            if not self._flight:
                self._leave_soon()
        elif self._wanted and len(self._waiting) >= self._wanted:
            self._leave_soon()
        return answer

    async def close(self) -> None:
        """Take nothing more, and return when all that was taken has been sent and answered."""
        self._closed = True
        if self._wanted:
            self._leave_soon()
        if self._flight or self._leaving is not None:
            self._rested = self._rested or asyncio.get_running_loop().create_future()
            await asyncio.wait([self._rested])

    # Called by who sends

    def landed(self, answers: Sequence[Answer]) -> None:
        """The batch was answered: tell those who wait for it."""
        if len(answers) != len(self._flight):
            self.broke(RuntimeError(f"{len(answers)} answers to {len(self._flight)} items"))
            return
        for waiting, answer in zip(self._flight, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
        self._over()

    def broke(self, error: Exception) -> None:
        """The batch has no answer."""
        for waiting in self._flight:
            if not waiting.done():
                waiting.set_exception(error)
        self._over()

    # Private

    def _leave_soon(self) -> None:
        """In the next turn of the loop: what is submitted in this one comes along."""
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        self._leaving = None
        if self._wanted > len(self._waiting):
            self._usual //= 2  # they have become fewer
        self._wanted = 0
        items = self._next_batch()
        if not items:
            self._rest()
            return
        self.batches += 1
        self.items += len(items)
        self._began = asyncio.get_running_loop().time()
        try:
            sent = self._send(items)
        except Exception as error:  # noqa: BLE001 - the callback's boundary: the submitters are told
            self.broke(error)
            return
        if sent is not None:
            self._task = asyncio.create_task(self._wait_for(sent))

    async def _wait_for(self, sent: Awaitable[Sequence[Answer]]) -> None:
        try:
            answers = await sent
        except asyncio.CancelledError:  # as a rule the loop is being torn down
            waiting = [*self._flight, *(answer for _, _, answer in self._waiting)]
            self._flight = []
            for answer in waiting:
                answer.cancel()
            self._rest()
            raise
        except Exception as error:  # noqa: BLE001 - the task's boundary: the submitters are told
            self.broke(error)
        else:
            self.landed(answers)

    def _next_batch(self) -> list[Item]:
        items: list[Item] = []
        left = self._batch_bytes
        while self._waiting and (not items or self._waiting[0][1] <= left):
            item, size, answer = self._waiting.popleft()
            self._room += size
            if not answer.done():
                items.append(item)
                self._flight.append(answer)
                left -= size
        return items

    def _over(self) -> None:
        """See how large batches are, and how long they take; then the next one."""
        now = asyncio.get_running_loop().time()
        self._usual = max(len(self._flight), self._usual * 7 // 8)
        self._took = max(now - self._began, self._took * 0.875)
        self._flight = []
        if self._waiting or self._usual >= _MANY:
            self._go_on(self._usual * 7 // 8)
        elif self._rested is not None:
            self._rest()

    def _go_on(self, wanted: int) -> None:
        """Where many write at once, let the next batch become nearly as large as those before it.

        Else one that has just missed a large batch leaves alone, and all others miss its batch: 64 writers on
        two nodes took 110 to 170 requests for 1,000 writes. A few wait for nobody: at 300 requests a second
        the slowest hundredth of writes took 10 ms and more, so 5. Behind who was away for a second is a large
        batch that took long: without a bound, writes would wait for others until their time was up.
        """
        if self._gathers and len(self._waiting) < wanted and wanted >= _MANY and not self._closed:
            self._wanted = wanted
            patience = min(max(2 * self._took, _PATIENCE), _MOST_PATIENCE)
            self._leaving = asyncio.get_running_loop().call_later(patience, self._leave)
        elif self._waiting:
            self._leave_soon()
        else:
            self._rest()

    def _rest(self) -> None:
        """Nothing waits, and nothing is under way."""
        if self._rested is not None and not self._rested.done():
            self._rested.set_result(None)
