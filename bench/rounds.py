"""The contenders take turns, again and again, so that a machine's bad minute hits all of them alike."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench.client import WrongAnswer
from bench.contenders import Running
from bench.load import Load
from bench.processes import spent
from bench.work import SMALL, Work

WARM_SECONDS = 0.3
MOST_REQUESTS = 100_000  # in one turn
PACED = Work("64 bytes, paced", SMALL.path, 64)
HOLDS = 0.8  # of its saturation rate: who would be closer to it than this is left out of a paced run


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contender did in one round. CPU in microseconds for each request."""

    requests: int
    seconds: float
    cpu: float
    user: float
    system: float
    busy: float  # share of its core
    waited: float  # share of the time that it could have run and others did
    moved: int  # answers of another node than the client's last one: 0, or it is not sticky
    latencies: tuple[float, ...] = ()  # seconds; paced runs only

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


Turns = Mapping[str, Sequence[Turn]]  # by contender, one for each round


@dataclass(frozen=True, slots=True)
class Pace:
    """A fixed rate, and who could hold it."""

    rate: float  # requests a second
    turns: Turns


def timed(one: Running, load: Load, run: Callable[[], tuple[int, tuple[float, ...]]]) -> Turn:
    """Read the contender's clocks, let it work, and read them again."""
    before = spent(one.pid)
    begin = time.perf_counter()
    requests, latencies = run()
    seconds = time.perf_counter() - begin
    used = spent(one.pid).since(before)
    each = used.total / max(1, requests) * 1e6
    user = used.user / ((used.user + used.system) or 1.0)
    busy = used.total / seconds
    waited = used.waited / seconds
    return Turn(requests, seconds, each, each * user, each * (1 - user), busy, waited, load.moved, latencies)


def saturated_turn(one: Running, work: Work, seconds: float) -> Turn:
    """As fast as it goes; the first moments, with their connections and cookies, are not counted."""

    def run() -> tuple[int, tuple[float, ...]]:
        return load.saturate(seconds, MOST_REQUESTS), ()

    with closing(Load(one.port_for(work), work)) as load:
        load.saturate(WARM_SECONDS, MOST_REQUESTS)
        turn = timed(one, load, run)
        load.settle()
    return turn


def paced_turn(one: Running, rate: float, seconds: float) -> Turn:
    """At a fixed rate, after a short run at that rate which is not counted."""

    def run() -> tuple[int, tuple[float, ...]]:
        latencies = load.pace(rate, seconds)
        return len(latencies), tuple(latencies)

    with closing(Load(one.port, PACED)) as load:
        load.pace(rate, WARM_SECONDS)
        return timed(one, load, run)


def in_turn(running: Sequence[Running], rounds: int, turn: Callable[[Running], Turn]) -> Turns:
    """A B C A B C ..., so that each round holds one turn of everybody. Raises WrongAnswer."""
    turns: dict[str, list[Turn]] = {one.name: [] for one in running}
    for _ in range(rounds):
        for one in running:
            try:
                turns[one.name].append(turn(one))
            except (WrongAnswer, OSError) as error:
                raise WrongAnswer(f"{one.name}: {error}") from error
    return turns


def saturated(running: Sequence[Running], work: Work, rounds: int, seconds: float) -> Turns:
    """One row of the table."""
    print(f"bench: {work.title} ...", file=sys.stderr, flush=True)
    able = [one for one in running if work.kind in one.kinds]
    return in_turn(able, rounds, partial(saturated_turn, work=work, seconds=seconds))


def paced(running: Sequence[Running], small: Turns, rounds: int, seconds: float) -> list[Pace]:
    """Latencies at half of what the slowest can do, and at half of the lower of Limpet and HAProxy."""
    rates = {name: median(turn.rate for turn in turns) for name, turns in small.items()}
    fast = [rate for name, rate in rates.items() if name in ("Limpet", "Limpet compiled", "HAProxy")]
    paces = []
    for rate in sorted({min(rates.values()) / 2, min(fast) / 2}):
        print(f"bench: latency at {rate:,.0f} requests a second ...", file=sys.stderr, flush=True)
        able = [one for one in running if rate <= HOLDS * rates.get(one.name, 0.0)]  # the echo answers none
        paces.append(Pace(rate, in_turn(able, rounds, partial(paced_turn, rate=rate, seconds=seconds))))
    return paces
