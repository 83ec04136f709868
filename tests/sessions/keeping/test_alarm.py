"""Many deadlines on one timer: each is told in its time, and none after it was removed."""

import asyncio

from sessions.keeping.alarm import Alarm
from tests.model.clock import in_computed_time, stand_still


class Noted:
    """Notes when it was late; put off once where `again` says for how long."""

    def __init__(self, alarm: Alarm, seconds: float, again: float = 0.0) -> None:
        self.alarm = alarm
        self.deadline = asyncio.get_running_loop().time() + seconds
        self.again = again
        self.told: list[float] = []
        self.done = asyncio.Event()
        alarm.add(self)

    def late(self, now: float) -> None:
        assert now >= self.deadline
        self.told.append(self.deadline)
        if self.again:
            self.deadline, self.again = now + self.again, 0.0
        else:
            self.alarm.remove(self)
            self.done.set()


@in_computed_time
async def test_each_is_told_when_its_time_has_come_and_not_before() -> None:
    alarm = Alarm()
    slow, quick = Noted(alarm, 0.06), Noted(alarm, 0.01)
    async with asyncio.timeout(60):
        await quick.done.wait()
        assert slow.told == []
        await slow.done.wait()
    assert [len(quick.told), len(slow.told), len(alarm)] == [1, 1, 0]


@in_computed_time
async def test_who_was_removed_is_told_nothing() -> None:
    alarm = Alarm()
    gone, other = Noted(alarm, 0.005), Noted(alarm, 0.02)
    alarm.remove(gone)
    alarm.remove(gone)
    async with asyncio.timeout(60):
        await other.done.wait()
    assert gone.told == []


@in_computed_time
async def test_who_comes_right_after_a_standstill_is_not_late() -> None:
    alarm = Alarm()
    read, silent = Noted(alarm, 0.5), Noted(alarm, 0.5)
    stand_still(2.0)
    asyncio.get_running_loop().call_later(0.01, alarm.remove, read)
    async with asyncio.timeout(60):
        await silent.done.wait()
    assert (read.told, len(silent.told)) == ([], 1)


@in_computed_time
async def test_a_deadline_may_be_put_off() -> None:
    alarm = Alarm()
    due = Noted(alarm, 0.005, again=0.01)
    first = due.deadline
    async with asyncio.timeout(60):
        await due.done.wait()
    assert due.told[0] == first and due.told[1] >= first + 0.01


@in_computed_time
async def test_one_that_is_late_may_remove_another_that_is() -> None:
    alarm = Alarm()
    one, two = Noted(alarm, 0.005), Noted(alarm, 0.005)
    two.deadline = one.deadline
    one.done.set = lambda: alarm.remove(two)  # type: ignore[method-assign]
    later = Noted(alarm, 0.02)
    async with asyncio.timeout(60):
        await later.done.wait()
    assert (len(one.told), two.told) == (1, [])


@in_computed_time
async def test_many_deadlines_that_are_met_cost_one_timer() -> None:
    loop, alarm = asyncio.get_running_loop(), Alarm()
    set_timers: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *rest: object, **more: object) -> asyncio.TimerHandle:
        set_timers.append(when)
        return call_at(when, *rest, **more)  # type: ignore[arg-type]

    loop.call_at = counted  # type: ignore[method-assign, assignment]
    try:
        for _ in range(100):
            alarm.remove(Noted(alarm, 10.0))
    finally:
        loop.call_at = call_at  # type: ignore[method-assign]
    assert len(set_timers) == 1
