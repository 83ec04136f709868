"""Whom a service's keeper asks: the nodes, and a store that answers as one of them would."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

from sessions.batching import Batcher, Closed, Overloaded
from sessions.contract.messages import ENDED, STORE, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.receipt import Receipt
from sessions.stores.store import End, Fence, Get, Operation, Outcome, Put, Status, Store, Touch, size

Pending = asyncio.Future[Answer | None] | Receipt[Answer | None]


class _Asked(NamedTuple):
    """An operation of a store, and the call that it comes from; None: touch."""

    call: Call | None
    operation: Operation


class Target(Protocol):
    """Who may hold sessions."""

    def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Awaitable[Answer | None]:
        """Its answer; None: silence. `base`, `writer`: for a store alone. A receipt where that is enough."""

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        """Keep a copy for longer, if it is there."""


class StoreTarget:
    """A store, with its batches. `missed` counts writes and ends that it did not say it has taken."""

    def __init__(self, store: Store) -> None:
        self.missed = 0
        self._store = store
        self._batches: Batcher[_Asked, Answer | None] = Batcher(self._run, _size)

    @property
    def up(self) -> bool:
        return self._store.up

    def call(self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = "") -> Pending:
        answer = self._submit(_Asked(action.call, _operation(action, session_id, ttl, base, writer)))
        if action.call is Call.PUT or action.call is Call.END:
            answer.add_done_callback(self._dropped)
        return answer

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        await self._submit(_Asked(None, Touch(session_id, ttl)))

    async def close(self) -> None:
        """Send what waits. The store itself is closed by whoever opened it."""
        await self._batches.close()

    def _submit(self, asked: _Asked) -> Pending:
        try:
            return self._batches.submit(asked)
        except (Overloaded, Closed):
            self._note(asked, None)
            return silence()

    async def _run(self, batch: Sequence[_Asked]) -> list[Answer | None]:
        outcomes = await self._store.run([asked.operation for asked in batch])
        answers = [_answer(asked.call, outcome) for asked, outcome in zip(batch, outcomes, strict=True)]
        for asked, answer in zip(batch, answers, strict=True):
            self._note(asked, answer)
        return answers

    def _dropped(self, answer: Pending) -> None:
        """Nobody waits for it any longer, and it may never have left."""
        self.missed += answer.cancelled()

    def _note(self, asked: _Asked, answer: Answer | None) -> None:
        self.missed += answer is None and asked.call in (Call.PUT, Call.END)


def silence() -> "asyncio.Future[Answer | None]":
    """What is said by whom nobody could ask."""
    nothing: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
    nothing.set_result(None)
    return nothing


class Targets:
    """All of a service: its nodes by index, and the store."""

    __slots__ = ("_nodes", "_store", "_ttl", "_writers")

    def __init__(self, nodes: Sequence[Target], names: Sequence[str], store: Target | None, ttl: int) -> None:
        self._nodes = nodes
        self._store = store
        self._writers = names
        self._ttl = ttl

    def change(self, nodes: Sequence[Target], names: Sequence[str], store: Target | None, ttl: int) -> None:
        """Others, by the same indices; calls that have begun go on."""
        self._nodes, self._writers, self._ttl = nodes, names, ttl
        self._store = store or self._store  # a write that is on its way to the store may yet be told to it

    def ask(self, action: Action, session_id: str, base: int = -1, writer: int = -1) -> Pending:
        """Begin a call. `writer`: the node whose write it is. Whoever waits is told later, never at once."""
        name = self._writers[writer] if writer >= 0 else ""
        target = action.target
        asked = self._nodes[target] if target != STORE else self._target(target)
        call = asked.call(action, session_id, self._ttl, base, name)
        return call if isinstance(call, Receipt) else asyncio.ensure_future(call)

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


def _size(asked: _Asked) -> int:
    return size(asked.operation)


def _answer(call: Call | None, outcome: Outcome) -> Answer | None:
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
