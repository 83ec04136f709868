"""The table, for the terminal and for bench/results.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench import machine, work
from bench.bars import TWO, bars
from bench.figures import middle, p99, percentile, ratio
from bench.rounds import Pace, Turns
from bench.verify import Features

REFERENCE = "HAProxy"
DISTURBED = 0.1  # share of the time
NOTES = """\
How to read it: CPU is user and system time of the proxy's process as the kernel counts it, in microseconds
for each request, the median of the rounds; in brackets its ratio to HAProxy in the same round, again the
median. Read the ratios: machines differ and are noisy. Every proxy has one thread on a core of its own, the
same three nodes, and clients that each keep a connection and a cookie; the length and the node of every
answer are checked, and every byte before the run. Access logs are off but for the last table. In the paced
rows requests come at random times, the same for all, and a latency counts from when its request was due; `-`:
cannot do clearly more than that rate. Where a core is not full, the nodes and the load are what limits the
rate, and the proxy wakes up more often for fewer requests each time, which is part of its CPU figure. The
second table has what Limpet is to reach, and `yes` where it does; of two things asked, one will do."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A contender in turn with itself, something more switched on."""

    without: str
    variant: str
    turns: Turns
    lines: int | None = None  # what it wrote, if it has a log


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up in a terminal, too; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def cpu_cell(turns: Turns, name: str) -> str:
    if name not in turns:
        return "-"
    amount = middle(turns[name], lambda turn: turn.cpu)
    text = f"{amount:,.0f}" if amount >= 100 else f"{amount:.1f}"
    return (
        text
        if name == REFERENCE or REFERENCE not in turns
        else f"{text} ({ratio(turns, name, REFERENCE).middle:.2f}x)"
    )


def latency_cell(turns: Turns, name: str) -> str:
    """Milliseconds, and how many times the reference's p99 in the same round."""
    if name not in turns:
        return "-"
    values = [latency * 1000 for turn in turns[name] for latency in turn.latencies]
    text = f"{percentile(values, 0.5):.2f} / {percentile(values, 0.99):.2f}"
    if name == REFERENCE or REFERENCE not in turns:
        return text
    return f"{text} ({ratio(turns, name, REFERENCE, p99).middle:.2f}x)"


def flow_cell(turns: Turns, name: str, size: int) -> str:
    """MB for each second of CPU, and the share of the reference's."""
    if name not in turns:
        return "-"
    amount = f"{middle(turns[name], lambda turn: size / turn.cpu):,.0f}"
    if name == REFERENCE or REFERENCE not in turns:
        return amount
    return f"{amount} ({1 / ratio(turns, name, REFERENCE).middle:.2f}x)"


def rate_cell(turns: Turns, name: str) -> str:
    return f"{middle(turns[name], lambda turn: turn.rate):,.0f}" if name in turns else "-"


def main_table(rows: Mapping[str, Turns], paces: Sequence[Pace]) -> str:
    """A column for each contender."""
    names = list(dict.fromkeys(name for turns in rows.values() for name in turns))
    moves = {one.title: one.moves for one in work.ALL if one.moves}
    table = [["", *names]]
    for title, turns in rows.items():
        table.append([f"CPU µs: {title}", *(cpu_cell(turns, name) for name in names)])
        if size := moves.get(title):
            cells = (flow_cell(turns, name, size) for name in names)
            table.append([f"MB for a second of CPU: {title}", *cells])
    for pace in paces:
        title = f"CPU µs: 64 bytes at {pace.rate:,.0f}/s"
        table.append([title, *(cpu_cell(pace.turns, name) for name in names)])
        title = f"p50 / p99 ms at {pace.rate:,.0f}/s"
        table.append([title, *(latency_cell(pace.turns, name) for name in names)])
    for title, turns in rows.items():
        table.append([f"requests/s: {title}", *(rate_cell(turns, name) for name in names)])
    return markdown(table)


def table(turns: Turns) -> str:
    """One row of work in detail: user and system apart, the spread of the ratio, how busy the core was."""
    rows = [["", "CPU µs", "user", "system", f"x {REFERENCE}", "lowest-highest", "requests/s", "core busy"]]
    for name, own in turns.items():
        against = ratio(turns, name, REFERENCE)
        rows.append(
            [
                name,
                *(
                    f"{middle(own, figure):.1f}"
                    for figure in (lambda t: t.cpu, lambda t: t.user, lambda t: t.system)
                ),
                f"{against.middle:.2f}",
                f"{against.low:.2f}-{against.high:.2f}",
                f"{middle(own, lambda turn: turn.rate):,.0f}",
                f"{middle(own, lambda turn: turn.busy):.0%}",
            ]
        )
    return markdown(rows)


def disturbance(rows: Iterable[Turns]) -> str:
    """A warning where the machine had other work to do; else nothing."""
    worst = max(middle(own, lambda turn: turn.waited) for turns in rows for own in turns.values())
    if worst < DISTURBED:
        return ""
    return (
        f"Not a quiet machine: a proxy waited {worst:.0%} of the time for its core. Measure again: who"
        "\nwaits finds more to do at once when it wakes up, and the ratios say little."
    )


def beside_table(beside: Sequence[Beside]) -> str:
    rows = [["64 bytes, keep-alive", "without", "with", "µs more", "ratio", "log lines for each request"]]
    for one in beside:
        plain, more = (middle(one.turns[name], lambda turn: turn.cpu) for name in (one.without, one.variant))
        times = ratio(one.turns, one.variant, one.without).middle
        requests = sum(turn.requests for turn in one.turns[one.variant])
        kept = "-" if one.lines is None else f"{min(1.0, one.lines / requests):.2f}"  # more: the warm-up
        figures = (f"{plain:.1f}", f"{more:.1f}", f"{more - plain:+.1f}", f"{times:.2f}x")
        rows.append([one.variant, *figures, kept])
    return markdown(rows)


def document(
    rows: Mapping[str, Turns],
    paces: Sequence[Pace],
    beside: Sequence[Beside],
    features: Mapping[str, Features],
    versions: Mapping[str, str],
    arguments: Sequence[str],
) -> str:
    """All of bench/results.md."""
    command = " ".join(["python -m bench", *arguments])
    workers = {one.without: one.turns for one in beside if one.variant == TWO.format(one.without)}
    parts = ["# Bench results", f"`{command}`", main_table(rows, paces), markdown(bars(rows, paces, workers))]
    parts += [warning] if (warning := disturbance(rows.values())) else []
    parts.append(NOTES)
    parts.append("\n".join(f"- {line}" for line in machine.described()))
    described = {name: f"; {one.described()}" for name, one in features.items()}
    parts.append("\n".join(f"- {name}: {said}{described.get(name, '')}" for name, said in versions.items()))
    for title, turns in rows.items():
        parts += [f"## {title}", table(turns)]
    if beside:
        parts += [
            "## Beside the comparison: what a log, more headers and a second worker cost",
            beside_table(beside),
        ]
    moved = {
        name: sum(turn.moved for turns in rows.values() for turn in turns.get(name, ())) for name in features
    }
    parts.append(
        "Answers from another node than the client's: " + ", ".join(f"{n} {m}" for n, m in moved.items())
    )
    return "\n\n".join(parts) + "\n"
