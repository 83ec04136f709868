"""How cost grows: `python -m bench.growth` measures, and draws docs/images/growth.svg."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import contenders, machine
from bench.client import Client
from bench.contenders import Contender, Running
from bench.leaks import sample
from bench.load import Load
from bench.processes import LOAD_CORE, ROOT, family, nodes
from bench.rounds import paced_turn
from bench.verify import check
from bench.work import SMALL
from routing.router import Router
from routing.view import NodeView, service_view

PICTURE = ROOT / "docs" / "images" / "growth.svg"
WHO = (contenders.LIMPET, contenders.COMPILED, contenders.HAPROXY, contenders.NGINX)
COLOURS = {"Limpet": "#2e86ab", "Limpet compiled": "#5fad56", "HAProxy": "#e4572e", "nginx": "#777777"}
RATES = (500, 1000, 2000, 4000, 6000)  # requests a second
SESSIONS = (0, 5_000, 10_000, 20_000, 40_000)
NODES = (3, 10, 30, 100, 300, 1000)
SECONDS = 0.8  # at each rate
DECISIONS = 2000
POINTS = 500  # of each node, as by default

Points = Sequence[tuple[float, float]]
Lines = Mapping[str, Points]


class Stranger(Client):
    """A browser that keeps no cookie: each of its requests is somebody new."""

    __slots__ = ()

    def recognise(self, head: bytes, mark: bytes) -> None:
        self.mark = mark


def cpu(one: Running) -> Points:
    """Cores that it keeps busy at each rate."""
    return [(rate, paced_turn(one, rate, SECONDS).cpu * rate / 1e6) for rate in RATES]


def memory(one: Running) -> Points:
    """Megabytes resident, all of its processes, after so many sessions have begun."""
    points: list[tuple[float, float]] = []
    begun = 0
    with closing(Load(one.port, SMALL, Stranger)) as load:
        for count in SESSIONS:
            if count > begun:
                begun += load.saturate(60, count - begun)
                load.settle()
            resident = sum(sample(process).memory for process in family(one.pid))
            points.append((count, resident / 2**20))
    return points


def decisions() -> Lines:
    """Microseconds of Limpet's router alone, for who is new and for who comes back."""
    fresh, back = [], []
    for count in NODES:
        router = Router(
            service_view("bench", tuple(NodeView(f"n{n}") for n in range(count)), 1.25), lambda: 0.5
        )
        inflight = [0] * count
        ids = [f"{number:032x}" for number in range(DECISIONS)]
        fresh.append((count, timed(lambda i, r=router, f=inflight: r.decide_new(i, "", f, 0.0, 0), ids)))
        back.append((count, timed(lambda i, r=router, f=inflight: r.decide(i, 1, f, 0), ids)))
    return {"a new session": fresh, "one with a pin": back}


def timed(decide: Callable[[str], object], ids: Sequence[str]) -> float:
    """The median of five times, for each decision."""
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        for one in ids:
            decide(one)
        took.append((time.perf_counter() - begin) / len(ids) * 1e6)
    return median(took)


def draw(busy: Lines, resident: Lines, decided: Lines, file: Path) -> None:
    """Writes an SVG."""
    figure = Figure(figsize=(12.0, 3.9), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    panel(first, busy, "requests a second", "cores kept busy")
    panel(second, resident, "sessions begun", "MB resident")
    panel(third, decided, "nodes", "µs for a decision")
    third.set_xscale("log")
    figure.suptitle("How cost grows", fontsize=11)
    figure.supxlabel(f"python -m bench.growth; {machine.described()[0]}", fontsize=7, color="#777777")
    figure.savefig(file, metadata={"Date": None})


def panel(axes: Axes, lines: Lines, across: str, up: str) -> None:
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", ms=3, label=name, color=COLOURS.get(name))
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False)


def measured(wanted: Sequence[Contender]) -> tuple[Lines, Lines]:
    """Each contender alone, one after the other."""
    busy, resident = {}, {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        ports = stack.enter_context(nodes(folder))
        for number, one in enumerate(wanted):
            with contenders.started(one, ports, folder / f"{number}") as running:
                check(running.port)
                resident[one.name] = memory(running)
                busy[one.name] = cpu(running)
    return busy, resident


def main() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    wanted = [one for one in WHO if one.found()]
    busy, resident = measured(wanted)
    decided = decisions()
    draw(busy, resident, decided, PICTURE)
    for lines in (busy, resident, decided):
        for name, points in lines.items():
            print(name, *(f"{x:g}: {y:.3g}" for x, y in points), sep="  ", file=sys.stderr)
    print(PICTURE)


if __name__ == "__main__":
    main()
