"""What is a delay, and what is a stall of our own."""

import asyncio
import gc
import sys
import time
from itertools import pairwise

import pytest

from control.punctuality import BEAT_SECONDS, Punctuality, Waiting, be_punctual
from proxy.counters import DELAY_BOUNDS, Delays


class Hours:
    """Clocks that stand still: of the wall, and of this process's work."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.waited = 0.0

    def pass_on(self, wall: float, cpu: float, waited: float = 0.0) -> None:
        self.wall += wall
        self.cpu += cpu
        self.waited += waited


def watching(hours: Hours) -> tuple[Punctuality, Delays, Delays]:
    delays, stalls = Delays(), Delays()
    watched = Punctuality(delays, stalls, lambda: hours.wall, lambda: hours.cpu, lambda: hours.waited)
    return watched, delays, stalls


async def noted(wall: float, cpu: float, waited: float) -> tuple[Delays, Delays]:
    """What a beat says that comes this long after the one before it, and this much work."""
    hours = Hours()
    watched, delays, stalls = watching(hours)
    watched.start()
    hours.pass_on(wall, cpu, waited)
    watched.beat()
    watched.stop()
    assert sum(delays.counts) == sum(stalls.counts) == 1
    return delays, stalls


@pytest.mark.parametrize(
    ("late", "cpu", "waited", "delay", "stall"),
    [
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, BEAT_SECONDS, 0.0, 0.0, 0.0),  # busy, and in time
        (0.0, 0.002, 0.008, 0.0, 0.0),  # others were busy, and it was in time
        (-0.001, 0.0, 0.0, 0.0, 0.0),  # clocks of whole milliseconds
        (0.5, 0.001, 0.0, 0.5, 0.001),  # the machine stood still
        (0.5, 0.3, 0.2, 0.5, 0.3),  # others had a part of it
        (0.5, 0.3, 0.6, 0.5, 0.0),  # clocks that are not quite alike
        (0.5, 0.505, 0.0, 0.5, 0.5),
        (0.5, 2.0, 0.0, 0.5, 0.5),  # in several threads
    ],
)
async def test_a_delay_is_a_stall_as_far_as_this_process_was_computing(
    late: float, cpu: float, waited: float, delay: float, stall: float
) -> None:
    delays, stalls = await noted(BEAT_SECONDS + late, cpu, waited)
    assert delays.seconds == pytest.approx(delay)
    assert stalls.seconds == pytest.approx(stall)


async def test_each_beat_is_compared_with_the_one_before_it() -> None:
    hours = Hours()
    watched, delays, stalls = watching(hours)
    hours.pass_on(100.0, 100.0, 100.0)  # before it began
    watched.start()
    for late in (0.02, 0.0, 0.03):
        hours.pass_on(BEAT_SECONDS + late, late)
        watched.beat()
        watched.stop()
    assert delays.seconds == stalls.seconds == pytest.approx(0.05)


def test_a_bucket_holds_what_is_no_more_than_its_bound() -> None:
    delays = Delays()
    for bound in DELAY_BOUNDS:
        delays.note(bound)
    delays.note(DELAY_BOUNDS[-1] * 2)
    assert delays.counts == [1] * (len(DELAY_BOUNDS) + 1)
    assert all(one < other for one, other in pairwise(DELAY_BOUNDS))
    assert 0.005 in DELAY_BOUNDS


async def test_work_that_keeps_the_loop_is_seen() -> None:
    delays, stalls = Delays(), Delays()
    watched = Punctuality(delays, stalls)
    watched.start()
    end = time.process_time() + 0.1 + BEAT_SECONDS
    while time.process_time() < end:
        pass
    deadline = time.monotonic() + 60
    while not sum(stalls.counts):
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
    watched.stop()
    assert delays.seconds >= 0.08
    assert stalls.seconds <= delays.seconds
    assert stalls.seconds > 0 or Waiting().seconds() > 0.08  # a machine that others have kept busy


def test_garbage_is_looked_for_in_small_parts() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    sizes: list[int] = []

    def look(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 1:
            sizes.append(len(gc.get_objects(0)) + len(gc.get_objects(1)))

    try:
        be_punctual()
        gc.collect()
        gc.callbacks.append(look)
        kept = [[number] for number in range(50_000)]
    finally:
        if look in gc.callbacks:
            gc.callbacks.remove(look)
        sys.setswitchinterval(before[0])
        gc.set_threshold(*before[1])
    assert len(kept) == 50_000
    assert len(sizes) > 5
    assert max(sizes) < 5_000
