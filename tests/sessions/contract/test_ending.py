"""When an end is safe."""

import pytest

from sessions.contract.ending import Ending
from sessions.contract.messages import ENDED, STORE, TAKEN, UNKNOWN, Answer
from sessions.contract.settling import Settled


@pytest.mark.parametrize("answer", [TAKEN, ENDED])
def test_copies_and_store_have_to_remember_it(answer: Answer) -> None:
    ending = Ending(2, iter([4, 2, 1]), store=True)
    assert ending.start() == [4, 2, STORE]
    ending.answered(4, answer)
    verdicts = [ending.verdict]
    for target in (STORE, 2):
        ending.answered(target, answer)
        verdicts.append(ending.verdict)
    assert verdicts == [Settled.PENDING, Settled.PENDING, Settled.SETTLED]


def test_a_silent_one_is_replaced_by_the_next_in_order() -> None:
    ending = Ending(1, iter([4, 2]), store=False)
    assert ending.start() == [4]
    assert ending.silent(4) == [2]
    assert ending.silent(4) == []
    ending.answered(2, TAKEN)
    assert ending.verdict is Settled.SETTLED


def test_an_answer_that_is_none_counts_as_silence() -> None:
    ending = Ending(1, iter([4, 2]), store=False)
    ending.start()
    assert ending.answered(4, UNKNOWN) == [2]


def test_with_nobody_left_the_answer_goes_out_and_that_is_said() -> None:
    ending = Ending(1, iter([4]), store=False)
    ending.start()
    assert ending.silent(4) == []
    assert ending.verdict is Settled.UNPROTECTED


def test_without_any_node_the_end_is_unprotected_at_once() -> None:
    ending = Ending(1, iter([]), store=False)
    assert (ending.start(), ending.verdict) == ([], Settled.UNPROTECTED)


def test_the_store_alone_remembers_where_it_is_the_strategy() -> None:
    ending = Ending(0, iter([1]), store=True)
    assert ending.start() == [STORE]
    ending.answered(STORE, TAKEN)
    assert ending.verdict is Settled.SETTLED
