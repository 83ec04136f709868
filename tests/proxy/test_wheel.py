"""The timer wheel against a naive model: never early, at most two ticks late, once for each arm."""

import gc
import random
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wheel import NEVER, Timer, Wheel

GRANULARITY = 0.1
HORIZON = 2.0  # short, so that deadlines beyond it are common


class Probe:
    """A timer that notes when it expired, and may do something then."""

    def __init__(self) -> None:
        self.deadline = NEVER
        self.due = NEVER
        self.fired: list[float] = []
        self.then = lambda: None

    def expired(self, now: float) -> None:
        self.fired.append(now)
        self.then()


def fail_loudly(timer: Timer, error: Exception) -> None:
    raise error


def wheel_at(now: float = 1000.0) -> Wheel:
    return Wheel(now, fail_loudly, GRANULARITY, HORIZON)


def test_expires_after_its_deadline_and_only_once() -> None:
    wheel, timer = wheel_at(), Probe()
    wheel.arm(timer, 1000.55)
    wheel.advance(1000.5)
    assert timer.fired == []
    wheel.advance(1000.6)
    wheel.advance(1000.7)
    wheel.advance(1009.0)
    assert timer.fired == [1000.6]


def test_a_later_deadline_is_an_attribute_store() -> None:
    wheel, timer = wheel_at(), Probe()
    wheel.arm(timer, 1000.5)
    due = timer.due
    wheel.arm(timer, 1001.5)
    assert timer.due == due
    wheel.advance(1001.0)
    assert timer.fired == []
    wheel.advance(1001.6)
    assert timer.fired == [1001.6]


def test_an_earlier_deadline_counts() -> None:
    wheel, timer = wheel_at(), Probe()
    wheel.arm(timer, 1001.5)
    wheel.arm(timer, 1000.5)
    wheel.advance(1000.6)
    wheel.advance(1002.0)
    assert timer.fired == [1000.6]


def test_disarmed_does_not_expire_and_can_be_armed_again() -> None:
    wheel, timer = wheel_at(), Probe()
    wheel.arm(timer, 1000.5)
    wheel.disarm(timer)
    wheel.advance(1001.0)
    assert timer.fired == []
    wheel.arm(timer, 1001.5)
    wheel.advance(1001.7)
    assert timer.fired == [1001.7]


def test_a_deadline_in_the_past_expires_at_the_next_tick() -> None:
    wheel, timer = wheel_at(), Probe()
    wheel.arm(timer, 3.0)
    wheel.advance(1000.1)
    assert timer.fired == [1000.1]


def test_nobody_expires_later_than_was_heard_of_them() -> None:
    wheel, timer, sooner = wheel_at(), Probe(), Probe()
    wheel.arm(timer, 1000.5)
    wheel.arm(sooner, 1000.15)
    wheel.advance(1000.1)
    wheel.advance(1003.0, heard=1000.2)
    assert (timer.fired, sooner.fired, wheel.now) == ([], [1000.2], 1003.0)
    wheel.arm(sooner, 1003.5)
    wheel.advance(1003.1)
    assert timer.fired == [1003.1]
    wheel.advance(1003.6)
    assert sooner.fired == [1000.2, 1003.6]


def test_beyond_the_horizon_and_across_a_long_pause() -> None:
    wheel, near, far = wheel_at(), Probe(), Probe()
    wheel.arm(near, 1000.5)
    wheel.arm(far, 1000 + 20 * HORIZON)
    wheel.advance(1000 + 10 * HORIZON)  # the process was stopped for many horizons
    assert (near.fired, far.fired) == ([1000 + 10 * HORIZON], [])
    wheel.advance(1000 + 20 * HORIZON + GRANULARITY)
    assert far.fired == [1000 + 20 * HORIZON + GRANULARITY]


def test_a_clock_that_goes_back_loses_nobody() -> None:
    wheel, timer = wheel_at(), Probe()
    wheel.advance(1000.5)
    wheel.arm(timer, 1002.35)  # shares its bucket with a tick that passed before 1000.5
    for now in (1000.0, 1000.6, 1002.5):
        wheel.advance(now)
    assert timer.fired == [1002.5]


def test_one_fault_does_not_stop_the_others() -> None:
    told: list[tuple[Timer, str]] = []
    wheel = Wheel(0.0, lambda timer, error: told.append((timer, str(error))), GRANULARITY, HORIZON)
    timers = [Probe() for _ in range(3)]
    timers[1].then = lambda: 1 // 0
    for timer in timers:
        wheel.arm(timer, 0.5)
    wheel.advance(1.0)
    assert [timer.fired for timer in timers] == [[1.0]] * 3
    assert told == [(timers[1], "integer division or modulo by zero")]


def test_a_callback_may_arm_disarm_and_forget_others() -> None:
    wheel = wheel_at()
    first, moved, stopped, forgotten, again = (Probe() for _ in range(5))
    for timer in (first, moved, stopped, forgotten, again):
        wheel.arm(timer, 1000.5)

    def meddle() -> None:
        wheel.arm(moved, 1001.5)
        wheel.disarm(stopped)
        wheel.forget(forgotten)
        wheel.arm(again, 1000.0)  # earlier than where it is being looked at
        wheel.arm(first, 1000.9)

    first.then = meddle
    wheel.advance(1000.8)
    assert [len(timer.fired) for timer in (first, moved, stopped, forgotten, again)] == [1, 0, 0, 0, 0]
    first.then = lambda: None
    for step in range(1, 20):
        wheel.advance(1000.8 + step * GRANULARITY)
    assert [len(timer.fired) for timer in (first, moved, stopped, forgotten, again)] == [2, 1, 0, 0, 1]


def test_forgotten_is_let_go_at_once_and_disarmed_within_the_horizon() -> None:
    wheel = wheel_at()

    def dropped(let_go: str) -> "weakref.ref[Probe]":
        timer = Probe()
        wheel.arm(timer, 1000 + 50 * HORIZON)
        getattr(wheel, let_go)(timer)
        return weakref.ref(timer)

    forgotten, disarmed = dropped("forget"), dropped("disarm")
    gc.collect()
    assert forgotten() is None
    assert disarmed() is not None
    wheel.advance(1000 + HORIZON + 2 * GRANULARITY)
    gc.collect()
    assert disarmed() is None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.integers(0, 4), st.floats(-1.0, 3 * HORIZON)),
        st.tuples(st.just("disarm"), st.integers(0, 4), st.just(0.0)),
        st.tuples(st.just("forget"), st.integers(0, 4), st.just(0.0)),
        st.tuples(st.just("advance"), st.just(0), st.floats(0.0, 0.15)),
        st.tuples(st.just("pause"), st.just(0), st.floats(0.0, 3 * HORIZON)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(start=st.floats(0.0, 1e6), steps=STEPS)
def test_agrees_with_a_naive_model(start: float, steps: list[tuple[str, int, float]]) -> None:
    now, wheel, timers = start, wheel_at(start), [Probe() for _ in range(5)]
    model, armed = [NEVER] * 5, [start] * 5
    for action, which, amount in [
        *steps,
        *[("advance", 0, GRANULARITY)] * int(3 * HORIZON / GRANULARITY + 3),
    ]:
        timer = timers[which]
        if action == "arm":
            model[which], armed[which] = now + amount, now
            wheel.arm(timer, now + amount)
        elif action in ("disarm", "forget"):
            model[which] = NEVER
            getattr(wheel, action)(timer)
        else:
            before = [len(each.fired) for each in timers]
            now += amount
            wheel.advance(now)
            for index, each in enumerate(timers):
                fired = len(each.fired) - before[index]
                late = now - max(model[index], armed[index])
                assert fired in (0, 1)
                if fired:
                    assert late >= 0, "never early, and never without being armed"
                    model[index] = NEVER
                else:
                    assert late < 2 * GRANULARITY + 1e-9, "at most two ticks late"
        assert all(each.deadline == each_model for each, each_model in zip(timers, model, strict=True))
    assert all(limit == NEVER for limit in model)


def test_many_timers_each_expire_once() -> None:
    seeded = random.Random(7)
    wheel, timers = wheel_at(0.0), [Probe() for _ in range(2000)]
    wanted = [seeded.uniform(0.0, 8.0) for _ in timers]
    for timer, deadline in zip(timers, wanted, strict=True):
        wheel.arm(timer, seeded.uniform(0.0, 8.0))
        wheel.arm(timer, deadline)
    for step in range(1, 100):
        wheel.advance(step * GRANULARITY)
    assert all(len(timer.fired) == 1 for timer in timers)
    late = [timer.fired[0] - deadline for timer, deadline in zip(timers, wanted, strict=True)]
    assert min(late) >= 0
    assert max(late) <= 2 * GRANULARITY
