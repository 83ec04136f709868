"""The last hour of each service and node, in memory of a fixed size."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan
from typing import TypedDict

HOUR_SECONDS = 3600


class Lines(TypedDict):
    """`step`: seconds from one point to the next; `times`: when, in unix seconds; None: nothing was known."""

    step: int
    times: list[float]
    lines: dict[str, dict[str, list[float | None]]]


class History:
    """Some lines of each of some things, a point every `step` seconds; 4 bytes a point.

    All lines share one ring: what is new begins with points that say nothing, what is gone is forgotten.
    """

    def __init__(self, step: int, names: Sequence[str]) -> None:
        """`names`: of the lines that each thing has."""
        self.step = step
        self._names = tuple(names)
        self._size = HOUR_SECONDS // step
        self._times: array[float] = array("d", [nan]) * self._size
        self._lines: dict[str, tuple[array[float], ...]] = {}
        self._at = -1  # of the latest point

    def add(self, time: float, values: Mapping[str, Iterable[float | None]]) -> None:
        """The next point of everything there is."""
        self._at = (self._at + 1) % self._size
        self._times[self._at] = time
        self._lines = {thing: self._lines.get(thing) or self._new() for thing in values}
        for thing, points in values.items():
            for line, value in zip(self._lines[thing], points, strict=True):
                line[self._at] = nan if value is None else value

    def lines(self) -> Lines:
        """Everything, the oldest first."""
        return {
            "step": self.step,
            "times": [time for time in self._in_order(self._times) if time is not None],
            "lines": {
                thing: dict(zip(self._names, map(self._known, lines), strict=True))
                for thing, lines in self._lines.items()
            },
        }

    def _new(self) -> "tuple[array[float], ...]":
        return tuple(array("f", [nan]) * self._size for _ in self._names)

    def _known(self, line: "array[float]") -> list[float | None]:
        """A line's points at all times that there are."""
        times = self._in_order(self._times)
        return [value for time, value in zip(times, self._in_order(line), strict=True) if time is not None]

    def _in_order(self, values: "array[float]") -> list[float | None]:
        at = self._at + 1
        return [None if isnan(value) else round(value, 3) for value in (*values[at:], *values[:at])]
