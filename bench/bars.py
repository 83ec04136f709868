"""What Limpet set out to reach, and whether it did: beside HAProxy in the same run, row by row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import cpu, p99, ratio
from bench.rounds import Pace, Turn, Turns

OURS = ("Limpet", "Limpet compiled")


@dataclass(frozen=True, slots=True)
class Limit:
    """`most`: of ours for each of theirs; or `least`: of theirs for each of ours."""

    other: str
    most: float = 0.0
    least: float = 0.0

    def words(self) -> str:
        if self.least:
            return f"{self.other} at least {self.least:g}x ours"
        return f"at most {self.most:g}x {self.other}"

    def seen(self, turns: Turns, name: str, figure: Callable[[Turn], float]) -> tuple[float, bool]:
        """The ratio, and whether it holds."""
        if self.least:
            times = ratio(turns, self.other, name, figure).middle
            return times, times >= self.least
        times = ratio(turns, name, self.other, figure).middle
        return times, times <= self.most


SMALL = "64 bytes, keep-alive"
# By row; where there are several limits in one, either will do. 0.85 of the bytes for a second of CPU are
# 1 / 0.85 of the CPU for each.
BARS: Sequence[tuple[str, tuple[Limit, ...]]] = (
    (SMALL, (Limit("HAProxy", most=1.4),)),
    (SMALL, (Limit("Caddy", least=3.0),)),
    (SMALL, (Limit("aiohttp", least=6.0),)),
    ("new connection for each request", (Limit("HAProxy", most=1.5),)),
    ("64 bytes, TLS, keep-alive", (Limit("HAProxy", most=1.3), Limit("uvloop echo", most=1.2))),
    ("16 KiB, keep-alive", (Limit("HAProxy", most=1.3),)),
    ("1 MiB download", (Limit("HAProxy", most=1.18),)),
    ("1 MiB upload", (Limit("HAProxy", most=1.18),)),
    ("WebSocket echo of 125 bytes", (Limit("HAProxy", most=1.5),)),
)
LATENCY = Limit("HAProxy", most=1.5)
WORKERS = 1.1  # times one worker's
TWO = "{}, two workers"


def bars(
    rows: Mapping[str, Turns], paces: Sequence[Pace] = (), workers: Mapping[str, Turns] | None = None
) -> list[list[str]]:
    """A table with its head. `paces`: the last is at half of what the slower of Limpet and HAProxy can do;
    `workers`: two beside one, by the one's name."""
    table = [["bar", "asked", *OURS]]
    for title, limits in BARS:
        if title in rows:
            table.append([f"CPU: {title}", *_cells(rows[title], limits, cpu)])
    if paces:
        table.append(["p99 at half load", *_cells(paces[-1].turns, (LATENCY,), p99)])
    if workers:
        cells = (_beside_one(workers[name], name) if name in workers else "-" for name in OURS)
        table.append(["CPU: two workers", f"at most {WORKERS:g}x one worker's", *cells])
    return table


def _cells(turns: Turns, limits: Sequence[Limit], figure: Callable[[Turn], float]) -> Iterator[str]:
    """What was asked, and how each of ours did."""
    yield ", or ".join(limit.words() for limit in limits)
    for name in OURS:
        there = [limit for limit in limits if name in turns and limit.other in turns]
        seen = [limit.seen(turns, name, figure) for limit in there]
        yield ", ".join(_told(*each) for each in seen) or "-"


def _beside_one(turns: Turns, name: str) -> str:
    times = ratio(turns, TWO.format(name), name, cpu).middle
    return _told(times, times <= WORKERS)


def _told(times: float, held: bool) -> str:
    return f"{times:.2f}x {'yes' if held else 'no'}"
