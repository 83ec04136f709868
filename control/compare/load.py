"""The load: so many requests a second whatever becomes of them, each from the next user in turn."""

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic

from control.compare.plan import LONGEST, WRITES_EVERY
from control.compare.visitors import READ, WRITE, Visit, Visitor
from sessions.token import Token

RETRY_SECONDS = 0.5  # after which somebody who got no answer tries again
AT_ONCE = 16


class NotAnswered(Exception):
    """Somebody gets no answer at all; the message says who."""


class Load:
    """All users of one strategy. `visits` and `late` (seconds that requests began too late) only grow."""

    def __init__(self, strategy: str, visitors: Sequence[Visitor], rate: float) -> None:
        self.strategy = strategy
        self.visitors = visitors
        self.visits: list[Visit] = []
        self.late: list[float] = []
        self._pause = 1 / rate
        self._turns = deque(visitors)
        self._under_way: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None

    async def once(self, visitors: Sequence[Visitor], method: str) -> None:
        """Have each ask once, some at a time, and again until it is answered. Raises NotAnswered."""
        waiting = deque(visitors)
        deadline = monotonic() + LONGEST

        async def work() -> None:
            while waiting:
                visitor = waiting.popleft()
                visit = await visitor.visit(method)
                self.visits.append(visit)
                if not visit.answered:
                    waiting.append(visitor)
                    await asyncio.sleep(RETRY_SECONDS)
                    if monotonic() > deadline:
                        raise NotAnswered(f"{self.strategy}: a session has had no answer for {LONGEST:g} s")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends when every request has its answer. Raises what no count can express."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._under_way)
        self.check()

    def check(self) -> None:
        """Raises SomebodyElses where a user was shown what is not theirs."""
        if self._broken is not None:
            raise self._broken

    def tokens(self) -> list[Token]:
        """Those that the users have now."""
        return [visitor.token for visitor in self.visitors if visitor.token is not None]

    def met_since(self, moment: float) -> bool:
        """Whether every user has been answered since then, by `time.monotonic`."""
        return all(visitor.answered_at > moment for visitor in self.visitors)

    async def _run(self) -> None:
        due = monotonic()
        while True:
            await asyncio.sleep(due - monotonic())
            self.late.append(monotonic() - due)
            due += self._pause
            visitor = self._next()
            if visitor is not None:
                task = asyncio.create_task(self._visit(visitor))
                self._under_way.add(task)
                task.add_done_callback(self._ended)

    def _next(self) -> Visitor | None:
        """Whose turn it is; None where everybody waits for an answer."""
        for _ in range(len(self._turns)):
            visitor = self._turns.popleft()
            self._turns.append(visitor)
            if not visitor.busy:
                return visitor
        return None

    async def _visit(self, visitor: Visitor) -> None:
        visitor.turns += 1
        visit = await visitor.visit(READ if visitor.turns % WRITES_EVERY else WRITE)
        self.visits.append(visit)
        if not visit.answered:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._hurry, visitor)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error

    def _hurry(self, visitor: Visitor) -> None:
        self._turns.remove(visitor)
        self._turns.appendleft(visitor)
