"""Numbers out of turns: medians, the ratios of one round, percentiles."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from bench.rounds import Turn, Turns


class Ratio(NamedTuple):
    """How many times as much as the reference, in the same round."""

    middle: float
    low: float
    high: float


def middle(turns: Sequence[Turn], figure: Callable[[Turn], float]) -> float:
    return median(figure(turn) for turn in turns)


def cpu(turn: Turn) -> float:
    return turn.cpu


def p99(turn: Turn) -> float:
    """Of a paced turn, in seconds."""
    return percentile(turn.latencies, 0.99)


def ratio(turns: Turns, name: str, reference: str, figure: Callable[[Turn], float] = cpu) -> Ratio:
    """A figure (CPU for a request) against the reference's of the same round: the median and the range."""
    pairs = zip(turns[name], turns[reference], strict=True)
    ratios = sorted(figure(turn) / figure(other) for turn, other in pairs)
    return Ratio(median(ratios), ratios[0], ratios[-1])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[rank - 1]
