"""Requests under way, and the fences that wait for them."""

from limpet_session.running import Running
from tests.sdk.nodes import A, B, C


def test_nobody_waits_for_nobody() -> None:
    running = Running()
    running.enter(A)
    running.leave(A)
    running.enter(B)
    assert running.wait([A, C], lambda: None) is None


def test_a_wait_ends_when_the_last_of_all_its_sessions_is_out() -> None:
    running, calls = Running(), []
    for name in (A, A, B, C):
        running.enter(name)
    assert running.wait([A, B], lambda: calls.append(1)) is not None
    for name in (A, C, B):
        running.leave(name)
        assert calls == []
    running.leave(A)
    assert calls == [1]


def test_nobody_new_is_let_in_while_a_fence_waits() -> None:
    running = Running()
    running.enter(A)
    wait = running.wait([A, B], lambda: None)
    assert wait is not None
    assert [running.enter(name) for name in (A, B, C)] == [False, False, True]
    wait.end()
    assert running.enter(A)


def test_fences_wait_beside_each_other() -> None:
    running, calls = Running(), []
    running.enter(A)
    running.enter(B)
    one = running.wait([A], lambda: calls.append("one"))
    two = running.wait([A, B], lambda: calls.append("two"))
    assert one is not None and two is not None
    running.leave(A)
    assert calls == ["one"]
    one.end()
    assert not running.enter(A)
    running.leave(B)
    assert calls == ["one", "two"]
