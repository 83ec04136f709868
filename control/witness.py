"""What stands between a keeper and those it asks: silence is reported, and bytes are counted."""

import asyncio
from collections.abc import Awaitable, Callable

from sessions.contract.messages import Action, Answer, Call
from sessions.keeping.targets import Pending, Target
from sessions.receipt import Receipt

# A refused connection is silence after no time at all. A search asks again a few times and then gives up, so
# each silence is given time to be explained: by probes, or requests, that find the node to be down.
PATIENCE = 0.25  # seconds
_QUESTIONS = (Call.GET, Call.FENCE)


class NodeWitness:
    """A node as a keeper asks it. `silent` is told of each silence, before the keeper is.

    `gone(seconds)` returns when the node is known to be down, or after so long.
    """

    def __init__(
        self, peer: Target, silent: Callable[[], None], gone: Callable[[float], Awaitable[None]]
    ) -> None:
        self._peer = peer
        self._silent = silent
        self._gone = gone

    def call(self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = "") -> Pending:
        call = self._peer.call(action, session_id, ttl, base, writer)
        if action.call in _QUESTIONS:
            return asyncio.ensure_future(self._patiently(call))
        answer: Pending = call if isinstance(call, Receipt) else asyncio.ensure_future(call)
        answer.add_done_callback(self._heard)
        return answer

    def _heard(self, answer: Pending) -> None:
        if not answer.cancelled() and answer.exception() is None and answer.result() is None:
            self._silent()

    async def _patiently(self, call: Awaitable[Answer | None]) -> Answer | None:
        began = asyncio.get_running_loop().time()
        said = await call
        if said is None:
            self._silent()
            await self._gone(began + PATIENCE - asyncio.get_running_loop().time())
        return said

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        await self._peer.touch(session_id, version, ttl)


class StoreWitness:
    """A store as one service's keeper asks it; `copied_bytes` counts the states on their way to it."""

    def __init__(self, name: str, target: Target) -> None:
        self.name = name
        self.copied_bytes = 0
        self._target = target

    def asks(self, target: Target) -> bool:
        """Whether this is the store that it stands before."""
        return self._target is target

    def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Awaitable[Answer | None]:
        self.copied_bytes += len(action.state)
        return self._target.call(action, session_id, ttl, base, writer)

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        await self._target.touch(session_id, version, ttl)
