"""A store answers the machines' calls as a node would."""

import asyncio
import time

import pytest

from sessions.contract.messages import ENDED, STORE, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.keeping.targets import StoreTarget, Targets
from sessions.stores.store import Outcome, Status
from tests.sessions.stores.memory import MemoryStore

FIRST = (1 << 32) + 1  # a version of an owner's, and then of a later one
LATER = (2 << 32) + 1


def put(version: int, state: bytes = b"state") -> Action:
    return Action(Call.PUT, STORE, version, state)


def fence(number: int) -> Action:
    return Action(Call.FENCE, STORE, number)


GET, END = Action(Call.GET, STORE), Action(Call.END, STORE)

SCRIPTS: list[list[tuple[Action, Answer]]] = [
    [(GET, UNKNOWN), (put(2), TAKEN), (GET, Answer(Kind.HELD, 2, b"state"))],
    [(put(3), TAKEN), (put(3), TAKEN), (put(3, b"other"), Answer(Kind.REFUSED, 3))],
    [(put(3), TAKEN), (put(2), TAKEN), (GET, Answer(Kind.HELD, 3, b"state"))],  # superseded
    [(put(LATER), TAKEN), (put(FIRST), Answer(Kind.REFUSED, LATER))],
    [
        (fence(9), Answer(Kind.UNKNOWN, 9)),
        (put(8), Answer(Kind.REFUSED, 9)),
        (GET, Answer(Kind.UNKNOWN, 9)),
        (put(9), TAKEN),
    ],
    [(put(3), TAKEN), (fence(9), Answer(Kind.HELD, 3, b"state")), (fence(9), Answer(Kind.REFUSED, 9))],
    [(put(3), TAKEN), (END, TAKEN), (END, TAKEN), (GET, ENDED), (put(4), ENDED), (fence(9), ENDED)],
]


@pytest.mark.parametrize("script", SCRIPTS, ids=range(len(SCRIPTS)))
async def test_a_store_answers_as_a_node(script: list[tuple[Action, Answer]]) -> None:
    store = StoreTarget(MemoryStore(time.time))
    targets = Targets([], ["n"], store, 60)
    for action, answer in script:
        assert await targets.ask(action, "id", -1, 0) == answer, action


async def test_a_base_is_what_the_write_was_made_from() -> None:
    store = StoreTarget(MemoryStore(time.time))
    assert await store.call(put(FIRST), "id", 60, 0, "n") == TAKEN
    assert await store.call(put(LATER), "id", 60, FIRST - 1, "n") == Answer(Kind.REFUSED, FIRST)
    assert await store.call(put(LATER), "id", 60, FIRST, "n") == TAKEN


async def test_a_touch_keeps_it_for_longer() -> None:
    now = 0.0
    memory = MemoryStore(lambda: now)
    targets = Targets([], ["n"], StoreTarget(memory), 60)
    await targets.ask(put(2), "id")
    now = 50.0
    await targets.touch(STORE, "id", 2)
    now = 100.0
    assert await targets.ask(GET, "id") == Answer(Kind.HELD, 2, b"state")


async def test_what_a_store_could_not_do_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryStore(time.time)
    store = StoreTarget(memory)
    monkeypatch.setattr(memory, "_do", lambda _: Outcome(Status.FAILED, why="full"))
    for action in (GET, END, put(2), fence(9)):
        assert await store.call(action, "id", 60) is None
    assert store.missed == 2  # the end and the write: the others have changed nothing
    await store.close()
    assert await store.call(GET, "id", 60) is None


async def test_what_nobody_waited_for_may_be_missing_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryStore(time.time)
    store = StoreTarget(memory)
    targets = Targets([], ["n"], store, 60)
    monkeypatch.setattr(memory, "run", lambda _: asyncio.sleep(3600))
    for action, missed in ((put(2), 1), (GET, 1), (END, 2)):
        task = targets.ask(action, "id")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert store.missed == missed
