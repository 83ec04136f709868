"""When a write is safe."""

from itertools import permutations, product

import pytest

from sessions.contract.messages import ENDED, STORE, TAKEN, UNKNOWN, Answer, Kind
from sessions.contract.settling import Settled, Settling

VERSION = (3 << 20) + 5
LATER = Answer(Kind.REFUSED, VERSION + 1)
RIVAL = Answer(Kind.REFUSED, 9 << 20)
OTHER_BYTES = Answer(Kind.REFUSED, VERSION)


def begun(replicas: int, nodes: int, fallback: bool = False) -> tuple[Settling, list[int]]:
    settling = Settling(VERSION, replicas, iter(range(nodes)), fallback)
    return settling, settling.start(0.0, 1.0)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (TAKEN, Settled.SETTLED),
        (LATER, Settled.SETTLED),
        (RIVAL, Settled.CONFLICT),
        (OTHER_BYTES, Settled.CONFLICT),
        (ENDED, Settled.ENDED),
        (UNKNOWN, Settled.UNPROTECTED),
    ],
)
def test_one_copy(answer: Answer, verdict: Settled) -> None:
    settling, targets = begun(1, 1)
    assert targets == [0]
    assert settling.answered(0, answer, 0.0) == []
    assert settling.verdict is verdict
    assert settling.winner == (answer.version if verdict is Settled.CONFLICT else 0)


def test_the_next_in_order_stands_in_then_the_store_then_nobody() -> None:
    settling, targets = begun(1, 2, fallback=True)
    assert targets == [0]
    assert settling.silent(0, 0.0) == [1]
    assert settling.silent(1, 0.0) == [STORE]
    assert settling.silent(STORE, 0.0) == []
    assert settling.verdict is Settled.UNPROTECTED


def test_the_store_alone_is_enough_however_many_copies_are_missing() -> None:
    settling, targets = begun(3, 1, fallback=True)
    assert targets == [0, STORE]
    settling.answered(STORE, TAKEN, 0.0)
    assert settling.verdict is Settled.SETTLED


def test_time_passes_to_the_next_one_and_a_late_answer_still_counts() -> None:
    settling, _ = begun(1, 3)
    assert settling.tick(0.9) == []
    assert settling.tick(1.0) == [1]
    assert settling.deadline == 2.0
    settling.answered(0, TAKEN, 0.0)
    assert settling.verdict is Settled.SETTLED


def test_who_stands_in_has_as_long_as_the_first_one_had() -> None:
    settling, _ = begun(1, 2)
    assert settling.silent(0, 0.9) == [1]
    assert settling.deadline == 1.9
    assert settling.tick(1.0) == []
    assert settling.verdict is Settled.PENDING
    settling.answered(1, TAKEN, 1.8)
    assert settling.verdict is Settled.SETTLED


def test_one_that_was_given_up_is_not_given_up_twice() -> None:
    settling, _ = begun(1, 3)
    assert settling.tick(1.0) == [1]
    assert settling.silent(0, 0.0) == []
    assert settling.verdict is Settled.PENDING


def test_no_answer_counts_twice() -> None:
    settling, _ = begun(2, 3)
    settling.answered(0, TAKEN, 0.0)
    settling.answered(0, TAKEN, 0.0)
    assert settling.verdict is Settled.PENDING


def test_a_copy_short_of_what_was_asked_for_is_unprotected() -> None:
    settling, targets = begun(2, 1)
    assert targets == [0]
    settling.answered(0, TAKEN, 0.0)
    assert settling.verdict is Settled.UNPROTECTED


def test_without_anybody_it_is_unprotected_at_once() -> None:
    settling, targets = begun(1, 0)
    assert (targets, settling.verdict) == ([], Settled.UNPROTECTED)


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_every_order_of_events_comes_to_an_end_and_never_claims_too_much(replicas: int) -> None:
    kinds = ("taken", "silent", "late")
    for fates in product(kinds, repeat=4):
        for order in permutations(range(4)):
            settling, targets = begun(replicas, 4)
            asked, taken, now = set(targets), 0, 0.0
            queue = list(order)
            while not settling.verdict:
                node = next((node for node in queue if node in asked), None)
                if node is None:
                    now += 1.0
                    asked |= set(settling.tick(now))
                    continue
                queue.remove(node)
                if fates[node] == "late":
                    now += 1.0
                    asked |= set(settling.tick(now))
                if fates[node] == "silent":
                    asked |= set(settling.silent(node, now))
                else:
                    taken += not settling.verdict
                    asked |= set(settling.answered(node, TAKEN, now))
            assert settling.verdict is (Settled.SETTLED if taken >= replicas else Settled.UNPROTECTED)


def test_there_is_a_time_for_all_of_them_together() -> None:
    settling = Settling(VERSION, 1, iter(range(9)))
    assert settling.start(0.0, 1.0, 2.5) == [0]
    assert settling.tick(1.0) == [1]
    assert settling.tick(2.0) == [2]
    assert settling.deadline == 2.5
    assert settling.verdict is Settled.PENDING
    assert settling.tick(2.5) == []
    assert settling.verdict is Settled.UNPROTECTED
