"""Whom a service's keeper asks: the nodes, and a store that answers as one of them would."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from sessions.batching import Batcher, Closed, Overloaded
from sessions.contract.messages import ENDED, STORE, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.stores.store import End, Fence, Get, Operation, Outcome, Put, Status, Store, Touch, size


class Target(Protocol):
    """Who may hold sessions."""

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        """Its answer; None: silence. `base`, `writer`: for a store alone."""

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        """Keep a copy for longer, if it is there."""


class StoreTarget:
    """A store, with its batches. `missed` counts writes and ends that it did not say it has taken."""

    def __init__(self, store: Store) -> None:
        self.missed = 0
        self._store = store
        self._batches: Batcher[Operation, Outcome] = Batcher(store.run, size)

    @property
    def up(self) -> bool:
        return self._store.up

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        outcome = await self._run(_operation(action, session_id, ttl, base, writer))
        answer = None if outcome is None else _answer(action.call, outcome)
        self.missed += answer is None and action.call in (Call.PUT, Call.END)
        return answer

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        await self._run(Touch(session_id, ttl))

    async def close(self) -> None:
        """Send what waits. The store itself is closed by whoever opened it."""
        await self._batches.close()

    async def _run(self, operation: Operation) -> Outcome | None:
        try:
            return await self._batches.submit(operation)
        except (Overloaded, Closed):
            return None


class Targets:
    """All of a service: its nodes by index, and the store."""

    __slots__ = ("_nodes", "_store", "_ttl", "_writers")

    def __init__(self, nodes: Sequence[Target], names: Sequence[str], store: Target | None, ttl: int) -> None:
        self._nodes = nodes
        self._store = store
        self._writers = names
        self._ttl = ttl

    def ask(
        self, action: Action, session_id: str, base: int = -1, writer: int = -1
    ) -> asyncio.Task[Answer | None]:
        """Begin a call. `writer`: the node whose write it is."""
        name = self._writers[writer] if writer >= 0 else ""
        call = self._target(action.target).call(action, session_id, self._ttl, base, name)
        return asyncio.get_running_loop().create_task(call)

    def touch(self, target: int, session_id: str, version: int) -> asyncio.Task[None]:
        """Begin to touch a copy."""
        touched = self._target(target).touch(session_id, version, self._ttl)
        return asyncio.get_running_loop().create_task(touched)

    def _target(self, target: int) -> Target:
        if target != STORE:
            return self._nodes[target]
        assert self._store is not None, "the store is a target only where there is one"
        return self._store


def _operation(action: Action, session_id: str, ttl: int, base: int, writer: str) -> Operation:
    match action.call:
        case Call.PUT:
            return Put(session_id, action.number, action.state, writer, ttl, base)
        case Call.FENCE:
            return Fence(session_id, action.number, ttl)
        case Call.END:
            return End(session_id, ttl)
        case Call.GET:
            return Get(session_id)


def _answer(call: Call, outcome: Outcome) -> Answer | None:
    """A store's outcome in the words of a node."""
    status = outcome.status
    if status is Status.ENDED:
        return TAKEN if call is Call.END else ENDED
    if status is Status.CONFLICT:
        return Answer(Kind.REFUSED, max(outcome.version, outcome.fence))
    if status is Status.FAILED:
        return None
    if call is Call.PUT or call is Call.END:
        return TAKEN  # a superseded write is contained in a later one
    if outcome.version and status is not Status.UNKNOWN:
        return Answer(Kind.HELD, outcome.version, outcome.state)
    return Answer(Kind.UNKNOWN, outcome.fence) if outcome.fence else UNKNOWN
