"""Who is fenced when: first who may be at work, and the others when copies have what was saved there."""

import pytest

from sessions.contract.fences import Fences
from sessions.contract.messages import STORE, UNKNOWN, Answer, Kind

UP = frozenset({STORE, 0, 1, 2, 3})


def held(version: int, serving: bool = False) -> Answer:
    return Answer(Kind.HELD, version, b"s", serving)


def stages(fences: Fences) -> list[set[int]]:
    found = []
    while stage := fences.next():
        found.append(stage)
    return found


def test_owners_come_first_then_the_heir_then_the_others() -> None:
    answers = {0: held(5, serving=True), 1: held(5), 2: UNKNOWN, 3: held(4), STORE: UNKNOWN}
    assert stages(Fences(answers, {0, 1, 2, 3, STORE}, 3, 2)) == [{0, 3}, {2}, {1, STORE}]
    assert stages(Fences(answers, {1, 2}, 2, 1)) == [{1}, {2}]  # a pin that has nothing is no owner
    assert stages(Fences({0: held(5, serving=True)}, {0}, 0, 0)) == [{0}]


def test_who_is_left_is_all_but_those_whose_turn_it_was() -> None:
    fences = Fences({0: held(5, serving=True)}, {0, 1, 2}, 0, 1)
    assert fences.left == {0, 1, 2}
    fences.next()
    assert fences.left == {1, 2}


@pytest.mark.parametrize(
    ("replicas", "others", "lacks"),
    [
        (1, {1: held(5), 2: held(4)}, True),
        (1, {1: held(5), 2: held(6)}, False),
        (2, {1: held(6), 2: held(5)}, True),
        (2, {1: held(6), 2: held(7)}, False),
        (3, {1: held(6), 2: held(6)}, False),  # there are no more
        (0, {STORE: held(5), 1: UNKNOWN}, True),
        (0, {STORE: held(6), 1: UNKNOWN}, False),
        (0, {1: UNKNOWN}, False),  # nobody but its node is to have it
    ],
)
def test_what_an_owner_saved_has_its_copies_first(
    replicas: int, others: dict[int, Answer], lacks: bool
) -> None:
    answers = {0: held(5, serving=True), **others}
    fences = Fences(answers, answers.keys(), 0, 1)
    assert not fences.lacking(UP, replicas)  # nobody has been fenced
    assert fences.next() == {0}
    answers[0] = held(6)
    assert fences.lacking(UP, replicas) is lacks


def test_a_state_that_nobody_has_written_needs_no_copies() -> None:
    fences = Fences({0: held(1, serving=True), 1: UNKNOWN}, {0, 1}, 0, 1)
    fences.next()
    assert not fences.lacking(UP, 1)


def test_those_that_are_down_are_not_waited_for() -> None:
    fences = Fences({0: held(5, serving=True), 1: UNKNOWN}, {0, 1}, 0, 1)
    fences.next()
    assert fences.lacking(UP, 1)
    assert not fences.lacking(UP - {1}, 1)


def test_of_an_heir_only_what_it_saved_meanwhile_is_waited_for() -> None:
    """It holds the only copy, as a rule, of what somebody had who died."""
    answers = {1: held(5), 2: UNKNOWN}
    fences = Fences(answers, {1, 2}, 0, 1)
    assert fences.next() == {1}
    assert not fences.lacking(UP, 1)
    answers[1] = held(1 << 32)
    assert fences.lacking(UP, 1)
    answers[2] = held(1 << 32)
    assert not fences.lacking(UP, 1)
