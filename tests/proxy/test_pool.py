"""The pool's counting, after every step of any history."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.faults import NodeFault
from proxy.pool import Pool

REFUSED = NodeFault(502, "connect_failed", "no")


@dataclass(eq=False)
class Line:
    """A connection that only remembers what was done with it."""

    closed: bool = False
    resting: bool = False

    def rest_idle(self) -> None:
        self.resting = True

    def close(self) -> None:
        self.closed = True


@dataclass(eq=False)
class Asking:
    """An exchange that only remembers what it was told."""

    got: list[Line] = field(default_factory=list)
    faults: list[NodeFault] = field(default_factory=list)

    def connected(self, connection: Line) -> None:
        self.got.append(connection)

    def not_connected(self, fault: NodeFault) -> None:
        self.faults.append(fault)


class PoolHistory(RuleBasedStateMachine):
    MOST, KEEP, QUEUE = 3, 2, 2

    def __init__(self) -> None:
        super().__init__()
        self.dialled = 0
        self.pool: Pool[Line] = Pool(self._dial, self.KEEP, self.MOST, self.QUEUE)
        self.waiting: list[Asking] = []
        self.using: list[tuple[Asking, Line]] = []
        self.refused = 0

    def _dial(self) -> None:
        self.dialled += 1

    def _settle(self) -> None:
        """Move those that were told something out of the waiting."""
        for asking in [a for a in self.waiting if a.got or a.faults]:
            assert len(asking.got) + len(asking.faults) == 1, "told twice"
            self.waiting.remove(asking)
            if asking.got:
                self.using.append((asking, asking.got[0]))

    @rule()
    def acquire(self) -> None:
        asking = Asking()
        try:
            line = self.pool.acquire(asking)
        except NodeFault as fault:
            assert fault.status == 503
            assert self.pool.queued >= self.QUEUE
            return
        if line is None:
            self.waiting.append(asking)
        else:
            assert not line.closed
            self.using.append((asking, line))

    @precondition(lambda self: self.dialled)
    @rule()
    def opened(self) -> None:
        self.dialled -= 1
        self.pool.opened(Line())
        self._settle()

    @precondition(lambda self: self.dialled)
    @rule()
    def failed(self) -> None:
        self.dialled -= 1
        self.pool.failed(REFUSED)
        self._settle()

    @precondition(lambda self: self.using)
    @rule(reusable=st.booleans(), data=st.data())
    def released(self, reusable: bool, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.using) - 1))
        _, line = self.using.pop(index)
        self.pool.released(line, reusable)
        assert line.closed or reusable
        self._settle()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.waiting) - 1))
        self.pool.withdraw(self.waiting.pop(index))

    @precondition(lambda self: self.pool.idle)
    @rule()
    def idle_one_is_gone(self) -> None:
        self.pool.forget(self.pool.idle[0])

    @rule()
    def close_idle(self) -> None:
        idle = list(self.pool.idle)
        self.pool.close_idle()
        assert all(line.closed for line in idle)

    @invariant()
    def counts_hold(self) -> None:
        pool = self.pool
        assert pool.opening == self.dialled
        assert pool.busy == {line for _, line in self.using}
        assert len(pool.busy) + pool.opening <= self.MOST
        assert len(pool.busy) + pool.opening + len(pool.idle) <= self.MOST
        assert len(pool.idle) <= self.KEEP
        assert list(pool.waiting) == self.waiting
        assert not any(line.closed for line in pool.idle)
        assert all(line.resting for line in pool.idle)

    @invariant()
    def nobody_waits_beside_a_free_connection(self) -> None:
        pool = self.pool
        if self.waiting:
            assert not pool.idle
            assert pool.opening or len(pool.busy) == self.MOST


PoolHistory.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestPoolHistory = PoolHistory.TestCase


def test_without_a_bound_everybody_gets_a_connection_of_their_own() -> None:
    dials: list[None] = []
    pool: Pool[Line] = Pool(lambda: dials.append(None))
    for _ in range(50):
        assert pool.acquire(Asking()) is None
    assert len(dials) == 50
    assert pool.queued == 0
    assert not pool.full


def test_the_connection_used_last_is_used_first() -> None:
    pool: Pool[Line] = Pool(lambda: None)
    lines = [Line(), Line()]
    for line in lines:
        pool.opening += 1
        pool.opened(line)
    assert pool.acquire(Asking()) is lines[1]


def test_a_full_queue_refuses() -> None:
    pool: Pool[Line] = Pool(lambda: None, most=1, queue_length=0)
    pool.acquire(Asking())
    with pytest.raises(NodeFault) as caught:
        pool.acquire(Asking())
    assert (caught.value.status, caught.value.reason) == (503, "queue_full")
