"""The contenders take turns, paced and as fast as they go; what each turn has cost, and how long it took."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from bench.client import WrongAnswer
from bench.load import Load
from bench.processes import spent
from bench.sessions.browser import READ, Browser
from bench.sessions.counts import Counts, counted
from bench.sessions.setups import Up

MOST_REQUESTS = 100_000  # in one turn
WARM_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contender did in one round."""

    requests: int
    writes: int
    seconds: float
    parts: Mapping[str, float]  # CPU microseconds for each request, by part: proxy, nodes, Redis
    waited: float  # share of the time that the proxy could have run and others did
    counts: Counts  # of what was sent behind the requests
    moved: int  # answers of another node than the user's last one
    read_seconds: tuple[float, ...]  # latencies
    write_seconds: tuple[float, ...]

    @property
    def cpu(self) -> float:
        """Of all parts."""
        return sum(self.parts.values())

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


Turns = Mapping[str, Sequence[Turn]]  # by contender, one for each round


def cpu_seconds(up: Up) -> dict[str, float]:
    return {part: sum(spent(pid).total for pid in pids) for part, pids in up.parts.items()}


def waited_seconds(up: Up) -> float:
    return sum(spent(pid).waited for pid in up.parts["proxy"])


def turn(up: Up, work: Callable[[Load], None], user: type[Browser] = Browser) -> Turn:
    """Let every user begin a session and the contender warm up; then time the work."""
    with closing(Load(up.port, READ, user)) as load:
        load.saturate(0.0, 0)
        load.settle()
        load.saturate(WARM_SECONDS, MOST_REQUESTS)
        load.settle()
        browsers = [client for client in load.clients.values() if isinstance(client, Browser)]
        for browser in browsers:
            browser.took.clear()
        counts, waited = counted(up), waited_seconds(up)
        before, begin = cpu_seconds(up), time.perf_counter()
        work(load)
        seconds, after, counts = time.perf_counter() - begin, cpu_seconds(up), counted(up).since(counts)
        share = (waited_seconds(up) - waited) / seconds
        took = [each for browser in browsers for each in browser.took]
    reads = tuple(latency for wrote, latency in took if not wrote)
    writes = tuple(latency for wrote, latency in took if wrote)
    parts = {part: (after[part] - before[part]) / len(took) * 1e6 for part in after}
    return Turn(len(took), len(writes), seconds, parts, share, counts, load.moved, reads, writes)


def paced(load: Load, rate: float, seconds: float) -> None:
    load.pace(rate, seconds)


def saturated(load: Load, seconds: float) -> None:
    load.saturate(seconds, MOST_REQUESTS)
    load.settle()


def in_turn(
    ups: Sequence[Up],
    rounds: int,
    work: Callable[[Load], None],
    user: Callable[[Up], type[Browser]] = lambda _: Browser,
) -> Turns:
    """A B C A B C ..., every other round backwards. Raises WrongAnswer, naming the contender."""
    turns: dict[str, list[Turn]] = {up.name: [] for up in ups}
    for number in range(rounds):
        for up in ups if number % 2 == 0 else reversed(ups):
            try:
                turns[up.name].append(turn(up, work, user(up)))
            except (WrongAnswer, OSError) as error:
                raise WrongAnswer(f"{up.name}: {error}") from error
    return turns


def at_rate(rate: float, seconds: float) -> Callable[[Load], None]:
    return partial(paced, rate=rate, seconds=seconds)


def flat_out(seconds: float) -> Callable[[Load], None]:
    return partial(saturated, seconds=seconds)
