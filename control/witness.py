"""What stands between a keeper and those it asks: silence is reported, and bytes are counted."""

import asyncio
from collections.abc import Callable

from sessions.contract.messages import Action, Answer, Call
from sessions.keeping.targets import Target

# A refused connection is silence after no time at all. A search asks again a few times and then gives up, so
# each silence is given time to be explained: by probes that find the node to be down.
PATIENCE = 0.25  # seconds
_QUESTIONS = (Call.GET, Call.FENCE)


class NodeWitness:
    """A node as a keeper asks it. `silent` is told of each silence, before the keeper is."""

    def __init__(self, peer: Target, silent: Callable[[], None]) -> None:
        self._peer = peer
        self._silent = silent

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        began = asyncio.get_running_loop().time()
        answer = await self._peer.call(action, session_id, ttl, base, writer)
        if answer is None:
            self._silent()
            if action.call in _QUESTIONS:
                await asyncio.sleep(began + PATIENCE - asyncio.get_running_loop().time())
        return answer

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        await self._peer.touch(session_id, version, ttl)


class StoreWitness:
    """A store as one service's keeper asks it; `copied_bytes` counts the states on their way to it."""

    def __init__(self, name: str, target: Target) -> None:
        self.name = name
        self.copied_bytes = 0
        self._target = target

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        self.copied_bytes += len(action.state)
        return await self._target.call(action, session_id, ttl, base, writer)

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        await self._target.touch(session_id, version, ttl)
