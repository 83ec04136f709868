"""The checker that counts: each client owns a session and adds 1, and every answer must be one more."""

import asyncio

from sessions.token import Token
from tests.survival.clients import Client, Shown
from tests.survival.findings import Loss

_HELD = 0.04  # of all requests: the app takes its time
_PADDED = 8  # one client in so many has a state too large for a header
PAD_BYTES = 6000


class Counter(Client):
    """`acknowledged`: the last number that an answer has shown."""

    acknowledged = 0
    safe = 0  # the last one whose answer said that it has its copies
    maybe = 0  # additions that were not answered, and may have counted, or may still
    pinned = -1  # the node that the token names
    session = ""
    holding = 0.0  # seconds that each of its requests takes for now

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._times: dict[int, float] = {}  # when each number was acknowledged

    async def count(self, over: asyncio.Event, pause: float) -> None:
        """Add 1, again and again, about every `pause` seconds."""
        await asyncio.sleep(pause * self.random.random())
        while not over.is_set():
            await self.add()
            await asyncio.sleep(2 * pause * self.random.random())

    async def add(self) -> bool:
        """One more; False: not answered."""
        asked: dict[str, object] = {"add": 1}
        if self.number % _PADDED == 0:
            asked["pad"] = PAD_BYTES
        if self.holding or self.random.random() < _HELD:
            asked[self.random.choice(("before", "after"))] = self.holding or 0.3
        reply, shown = await self.visit("add", dict(self.jar), **asked)
        self.take(reply)
        if shown is None:
            self.maybe += reply.sent
            return False
        self._check(shown)
        return True

    async def review(self) -> None:
        """At the end: the count goes on."""
        for _ in range(40):
            if await self.add():
                return
            await asyncio.sleep(0.5)
        self.findings.report(f"{self.name}: cannot count any more")

    def _check(self, shown: Shown) -> None:
        now, count = asyncio.get_running_loop().time(), shown.seen["count"]
        token = shown.token or self.token(self.jar)
        assert token is not None
        if shown.deleted or (self.session and token.id != self.session):
            self.findings.report(f"{self.name}: its session was replaced at {self.acknowledged}")
        if count > self.acknowledged + 1 + self.maybe:
            self.findings.report(
                f"{self.name}: {count} after {self.acknowledged} and {self.maybe} that may count"
            )
        elif count <= self.acknowledged:
            self._lost(count, now, token)
        self.session, self.pinned = token.id, token.node
        self.maybe = max(0, self.maybe - (count - self.acknowledged - 1))
        self.acknowledged = count
        self.safe = self.safe if token.unprotected else count
        self._times[count] = now

    def _lost(self, count: int, now: float, token: Token) -> None:
        if count > self.safe:
            self.findings.counts["additions lost that were said to be unprotected"] += 1
            return
        times = tuple(self._times[n] for n in range(count, self.acknowledged + 1) if n in self._times)
        self.findings.losses.append(Loss(now, self.name, token.id, self.pinned, times))
