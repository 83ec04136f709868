"""Requests under way, and the fences that wait for them."""

from limpet_session.running import Running
from tests.sdk.nodes import A, B, C


def test_nobody_waits_for_nobody() -> None:
    running = Running()
    running.enter(A)
    running.leave(A)
    running.enter(B)
    assert running.hold([A, C]).clear()


def test_a_hold_is_clear_when_the_last_of_all_its_sessions_is_out() -> None:
    running = Running()
    for name in (A, A, B, C):
        running.enter(name)
    hold = running.hold([A, B])
    for name in (A, C, B):
        running.leave(name)
        assert not hold.clear()
    running.leave(A)
    assert hold.clear()


def test_nobody_new_is_let_in_while_a_fence_waits() -> None:
    running = Running()
    running.enter(A)
    hold = running.hold([A, B])
    assert [running.enter(name) for name in (A, B, C)] == [False, False, True]
    hold.end()
    assert running.enter(A)


def test_fences_wait_beside_each_other() -> None:
    running = Running()
    running.enter(A)
    running.enter(B)
    one, two = running.hold([A]), running.hold([A, B])
    running.leave(A)
    assert (one.clear(), two.clear()) == (True, False)
    one.end()
    assert not running.enter(A)
    running.leave(B)
    assert two.clear()
