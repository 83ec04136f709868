"""A run does what its machine says, in time, and tells how it ended, once."""

import asyncio
from math import inf

import pytest

from sessions.contract.course import Do, Step
from sessions.contract.ending import Ending
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.contract.searching import Around, Found, Rules, Search, Where
from sessions.contract.settling import Settled, Settling
from sessions.keeping.alarm import Alarm
from sessions.keeping.runs import EndRun, SearchRun, SettleRun, copy_holders
from sessions.keeping.targets import Targets
from tests.model.clock import in_computed_time
from tests.sessions.keeping.cluster import until

AROUND = Around((0, 1, 2), frozenset({0, 1, 2}), frozenset({0, 1, 2}), frozenset(), 0)


class Node:
    """A target that gives one answer to everything, or none as long as that is None."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked: list[Action] = []

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        self.asked.append(action)
        await until(lambda: self.answer is not None)
        return self.answer

    async def touch(self, session_id: str, version: int, ttl: int) -> None: ...


def settle(*nodes: Node, replicas: int = 1, within: float = inf) -> tuple[SettleRun, list[Settled]]:
    ends: list[Settled] = []
    targets = Targets(nodes, ["a", "b", "c"], None, 60)
    machine = Settling(5, replicas, iter(range(len(nodes))))
    step = Step(Do.SETTLE, 0, "id", 5, b"state")
    run = SettleRun(
        targets, step, machine, 0.1, within, Alarm(), lambda _run, verdict, _winner: ends.append(verdict)
    )
    run.start()
    return run, ends


@in_computed_time
async def test_who_does_not_answer_in_time_is_replaced() -> None:
    silent, good = Node(None), Node(TAKEN)
    began = asyncio.get_running_loop().time()
    _, ends = settle(silent, good)
    await until(lambda: bool(ends))
    assert ends == [Settled.SETTLED] and len(good.asked) == 1
    assert 0.1 <= asyncio.get_running_loop().time() - began < 5


@in_computed_time
async def test_a_late_answer_counts() -> None:
    late, silent = Node(None), Node(None)
    _, ends = settle(late, silent)
    await until(lambda: len(silent.asked) == 1)
    late.answer = TAKEN
    await until(lambda: bool(ends))
    assert ends == [Settled.SETTLED]


@in_computed_time
async def test_nobody_left_is_the_end_of_it() -> None:
    _, ends = settle(Node(None), Node(None))
    await until(lambda: bool(ends))
    assert ends == [Settled.UNPROTECTED]
    _, ends = settle()
    assert ends == [Settled.UNPROTECTED]


@in_computed_time
async def test_fewer_copies_than_there_should_be_are_the_end_of_it() -> None:
    _, ends = settle(Node(TAKEN), replicas=2)
    await until(lambda: bool(ends))
    assert ends == [Settled.UNPROTECTED]


@in_computed_time
async def test_an_end_is_told_to_copies_and_substitutes() -> None:
    nodes = [Node(Answer(Kind.REFUSED, 3)), Node(ENDED), Node(TAKEN)]
    ends: list[Settled] = []
    EndRun(
        Targets(nodes, ["a", "b", "c"], None, 60), "id", Ending(1, iter(range(3)), False), 0.1, ends.append
    ).start()
    await until(lambda: bool(ends))
    assert ends == [Settled.SETTLED] and [len(node.asked) for node in nodes] == [1, 1, 0]


def search(nodes: list[Node], around: Around = AROUND) -> tuple[SearchRun, list[Found]]:
    found: list[Found] = []
    machine = Search(Rules(1, False, 1), around, 0, 2, lambda: 4095)
    targets = Targets(nodes, ["a", "b", "c"], None, 60)
    run = SearchRun(targets, "id", machine, lambda: around, 0.1, found.append)
    run.start()
    return run, found


@in_computed_time
async def test_a_search_goes_from_questions_to_fences() -> None:
    nodes = [Node(UNKNOWN), Node(Answer(Kind.HELD, 2, b"state")), Node(UNKNOWN)]
    _, found = search(nodes)
    await until(lambda: bool(found))
    assert found[0].where is Where.TAKEOVER and found[0].source == 1
    assert [action.call for action in nodes[1].asked] == [Call.GET, Call.FENCE]


@in_computed_time
async def test_a_search_meets_rivals_a_bounded_number_of_times() -> None:
    nodes = [Node(Answer(Kind.REFUSED, 9)) for _ in range(3)]
    _, found = search(nodes)
    await until(lambda: bool(found))
    assert [end.where for end in found] == [Where.NOT_YET]


@in_computed_time
async def test_a_search_that_is_stopped_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.contract.searching._LONGEST_PAUSE", 0.5)
    nodes = [Node(Answer(Kind.REFUSED, 9)) for _ in range(3)]
    run, found = search(nodes)
    await until(lambda: run._pausing is not None)
    run.stop()
    asked = sum(len(node.asked) for node in nodes)
    await asyncio.sleep(0.6)  # longer than its first pause
    assert found == [] and sum(len(node.asked) for node in nodes) == asked


@in_computed_time
async def test_a_search_without_anybody_ends() -> None:
    _, found = search([], Around((0, 1, 2), frozenset(), frozenset(), frozenset(), -1))
    assert [end.where for end in found] == [Where.NOT_YET]


def test_copies_go_to_the_first_ready_but_the_pin_and_then_to_who_is_up() -> None:
    around = AROUND._replace(order=(2, 0, 1), ready=frozenset({1, 2}))
    assert list(copy_holders(around, 2)) == [1, 0]
    assert list(copy_holders(around, 1)) == [2, 0]
    assert list(copy_holders(around._replace(up=frozenset({1, 2, -1})), 1)) == [2]


@in_computed_time
async def test_however_many_are_left_it_has_an_end() -> None:
    silent = [Node(None) for _ in range(3)]
    _, ends = settle(*silent, within=0.15)
    await until(lambda: bool(ends))
    assert ends == [Settled.UNPROTECTED]
    assert not silent[2].asked
