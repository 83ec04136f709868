"""Long work in steps: all at once, or with the event loop's other work in between."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]  # a step ends with each yield

TURN_SECONDS = 0.001  # a reload of 200 services takes 100 turns, and holds no request up for longer
GROUP = 100  # of nodes, in one step


def at_once(steps: Steps[T]) -> T:
    """What comes out of them; nothing else runs meanwhile."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


async def in_turns(steps: Steps[T], now: Callable[[], float] = time.perf_counter) -> T:
    """What comes out of them; the loop does its other work between two that begin a millisecond apart."""
    until = now() + TURN_SECONDS
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if now() >= until:
            await asyncio.sleep(0)
            until = now() + TURN_SECONDS
