"""An event loop whose time is computed, not waited for: hours take seconds, and a seed is a schedule."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _NoSockets(selectors.BaseSelector):
    """Waits for nothing but the clock, and moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.now += max(0.0, timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class ComputedLoop(asyncio.SelectorEventLoop):
    """asyncio with computed time."""

    def __init__(self) -> None:
        self._computed = _NoSockets()
        super().__init__(self._computed)

    def time(self) -> float:
        return self._computed.now

    def stand_still(self, seconds: float) -> None:
        """As a machine that runs other processes meanwhile."""
        self._computed.now += seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, whatever is still waiting then."""
    loop = ComputedLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        while tasks := asyncio.all_tasks(loop):  # what is cancelled may begin something to clean up
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()


def in_computed_time(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """A test without sockets or threads that no machine is too slow for."""

    @functools.wraps(test)
    def ran(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return ran


def stand_still(seconds: float) -> None:
    """The running loop does nothing for so long."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ComputedLoop)
    loop.stand_still(seconds)
