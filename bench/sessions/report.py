"""The sessions' table, for the terminal and for bench/results-sessions.md."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from bench import machine
from bench.figures import percentile
from bench.report import DISTURBED, markdown
from bench.sessions import writes
from bench.sessions.setups import AFFINITY, COMPILED, HAPROXY, REPLICATION, WORKERS
from bench.sessions.turns import Turn, Turns

PARTS = ("proxy", "nodes", "Redis")


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def middle(turns: Sequence[Turn], of: Callable[[Turn], float]) -> float:
    return median(of(turn) for turn in turns)


def cpu_cell(turns: Turns, name: str) -> str:
    amount = figure(middle(turns[name], lambda turn: turn.cpu))
    if name == HAPROXY.name or HAPROXY.name not in turns:
        return amount
    low, mid, high = spread(turns, name, HAPROXY.name)
    return f"{amount} ({mid:.2f}x, {low:.2f}-{high:.2f})"


def spread(turns: Turns, name: str, reference: str) -> tuple[float, float, float]:
    """The lowest, median and highest ratio of CPU within a round."""
    pairs = zip(turns[name], turns[reference], strict=True)
    ratios = sorted(one.cpu / other.cpu for one, other in pairs)
    return ratios[0], median(ratios), ratios[-1]


def latencies(turns: Sequence[Turn], of: Callable[[Turn], Sequence[float]]) -> str:
    """p50 / p99 in milliseconds."""
    values = [seconds * 1000 for turn in turns for seconds in of(turn)]
    return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.99):.2f}"


def part_cell(turns: Sequence[Turn], part: str) -> str:
    amount = middle(turns, lambda turn: turn.parts[part])
    return figure(amount) if amount else "-"


def each_write(turns: Sequence[Turn], of: Callable[[Turn], int]) -> str:
    count, writes = sum(of(turn) for turn in turns), sum(turn.writes for turn in turns)
    return f"{count / writes:.2f}" if count else "-"


def table(turns: Turns) -> str:
    """A column for each contender."""
    own = list(turns.values())
    rows = [["", *turns], ["CPU µs for a request", *(cpu_cell(turns, name) for name in turns)]]
    rows += [[f"of it: {part}", *(part_cell(each, part) for each in own)] for part in PARTS]
    rows.append(["write: p50 / p99 ms", *(latencies(each, lambda turn: turn.write_seconds) for each in own)])
    rows.append(["read: p50 / p99 ms", *(latencies(each, lambda turn: turn.read_seconds) for each in own)])
    rows.append(["requests/s", *(f"{middle(each, lambda turn: turn.rate):,.0f}" for each in own)])
    peers = (each_write(each, lambda turn: turn.counts.peer_requests) for each in own)
    rows.append(["peer requests for a write", *peers])
    commands = (each_write(each, lambda turn: turn.counts.redis_commands) for each in own)
    rows.append(["Redis commands for a write", *commands])
    return markdown(rows)


def price(turns: Turns) -> str:
    """What replication costs beside the others; empty where one of them took no part."""
    if not {REPLICATION.name, HAPROXY.name, AFFINITY.name} <= turns.keys():
        return ""
    own, other = turns[REPLICATION.name], turns[HAPROXY.name]
    more = middle(own, lambda t: t.cpu) - middle(turns[AFFINITY.name], lambda t: t.cpu)
    _, than_affinity, _ = spread(turns, REPLICATION.name, AFFINITY.name)
    said = (
        f"Replication costs {more:.0f} µs of CPU for a request more than affinity ({than_affinity:.2f}x),"
        f" and\n{beside(turns, REPLICATION.name)} HAProxy + Redis cost;"
        f" the p99 of its writes is {slowest(own) / slowest(other):.2f} times theirs."
    )
    if COMPILED.name in turns:
        slower = slowest(turns[COMPILED.name]) / slowest(other)
        said += f"\nCompiled it is {beside(turns, COMPILED.name)} they cost, the p99 {slower:.2f} times."
    if WORKERS.name in turns:
        slower = slowest(turns[WORKERS.name]) / slowest(other)
        said += (
            f"\nWith two workers it is {beside(turns, WORKERS.name)} they cost, the p99 {slower:.2f} times,"
            f"\nand {spread(turns, WORKERS.name, REPLICATION.name)[1]:.2f} times the CPU of one worker."
        )
    return said


def beside(turns: Turns, name: str) -> str:
    """`1.10 times what`: the median ratio to HAProxy + Redis."""
    return f"{spread(turns, name, HAPROXY.name)[1]:.2f} times what"


def slowest(turns: Sequence[Turn]) -> float:
    """The p99 of all writes, in seconds."""
    return percentile([seconds for turn in turns for seconds in turn.write_seconds], 0.99)


def disturbance(rows: Iterable[Turns]) -> str:
    """A warning where the machine had other work to do; else nothing."""
    worst = max(middle(own, lambda turn: turn.waited) for turns in rows for own in turns.values())
    if worst < DISTURBED:
        return ""
    return (
        f"Not a quiet machine: a proxy waited {worst:.0%} of the time for its core, and latencies are mostly"
        "\nthat. Read the ratios of CPU within a round, and measure again where it is quiet."
    )


def document(
    rows: Mapping[str, Turns], versions: Mapping[str, str], arguments: Sequence[str], notes: Sequence[str]
) -> str:
    """All of bench/results-sessions.md. `notes`: how to read it (bench.sessions.notes)."""
    command = " ".join(["python -m bench.sessions", *arguments])
    parts = ["# Bench of sessions", f"`{command}`"]
    for title, turns in rows.items():
        alone = title == writes.TITLE
        parts += [f"## {title}", *([writes.table(turns)] if alone else [table(turns), price(turns)])]
    parts += [disturbance(rows.values()), *notes, "\n".join(f"- {line}" for line in machine.described())]
    parts.append("\n".join(f"- {name}: {said}" for name, said in versions.items()))
    moved = {
        name: sum(turn.moved for turns in rows.values() for turn in turns.get(name, ()))
        for name in next(iter(rows.values()))
    }
    parts.append(
        "Answers from another node than the user's: " + ", ".join(f"{n} {m}" for n, m in moved.items())
    )
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"
