"""Shows the admin API's answers in a terminal."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

COLOURS = {"up": "green", "down": "bold red"}
NODE_NUMBERS = ("in flight", "queue", "req/s", "err/s", "sessions", "copies", "weight")
NODE_HEADINGS = ("service", "node", "state", "for", *NODE_NUMBERS, "why")
SERVICE_NUMBERS = ("nodes", "req/s", "err/s", "p50", "p99", "sessions", "copies 0/1/2+", "writes")
SERVICE_HEADINGS = ("service", "strategy", *SERVICE_NUMBERS, "lost", "stale", "copied")
WORKER_HEADINGS = ("worker", "process", "state", "for", "connections", "in flight", "restarts")
LEFT = ("service", "strategy", "node", "worker", "state", "for", "why")
# What a terminal that is too narrow does without, the first of these first.
SPARED = ("copied", "queue", "weight", "stale", "err/s", "copies", "p50", "writes", "copies 0/1/2+", "for")
LEAST_WHY = 12  # columns: the reason of a node's state is wrapped, but not further than that

Cell = str | Text


def as_json(answer: Any) -> str:
    return json.dumps(answer, indent=2)


def status(
    services: Sequence[dict[str, Any]],
    nodes: Sequence[dict[str, Any]],
    discovery: Sequence[dict[str, Any]] = (),
    workers: Sequence[dict[str, Any]] = (),
) -> RenderableType:
    """A table of services, one of nodes, one of workers where there are several; and what keeps nodes from
    being found."""
    troubles = [Text(_trouble(fact), style="yellow") for fact in discovery if not fact["up"]]
    more: list[RenderableType] = ["", workers_table(workers)] if len(workers) > 1 else []
    more += ["", *troubles] if troubles else []
    return Group(services_table(services), "", nodes_table(nodes), *more)


def _trouble(fact: Mapping[str, Any]) -> str:
    known = f"{fact['nodes']} that were found are known" if fact["nodes"] else "none is known yet"
    return f"{fact['service']}: {fact['source']}: {fact['problem']}; {known}"


def services_table(facts: Sequence[dict[str, Any]]) -> RenderableType:
    rows: list[tuple[Cell, ...]] = []
    for fact in facts:
        available, all_nodes = fact["available"], fact["nodes"]
        style = "" if available == all_nodes else "yellow" if available else "bold red"
        copies, writes = fact["copies"], fact["writes"]
        row = (
            fact["service"],
            fact["strategy"],
            Text(f"{available}/{all_nodes}", style=style),
            _rate(fact["requests_per_second"]),
            Text(_rate(fact["errors_per_second"]), style="red" if fact["errors_per_second"] else ""),
            _milliseconds(fact["p50_ms"]),
            _milliseconds(fact["p99_ms"]),
            str(fact["sessions"]),
            "/".join(map(str, copies.values())) if copies else "-",
            str(sum(writes.values())) if writes else "-",
            Text(str(fact["lost"]), style="red" if fact["lost"] else ""),
            _or_dash(fact["stale"]),
            "-" if fact["copied_bytes"] is None else size(fact["copied_bytes"]),
        )
        rows.append(row)
    return Fitting(SERVICE_HEADINGS, rows)


def nodes_table(facts: Sequence[dict[str, Any]]) -> RenderableType:
    rows: list[tuple[Cell, ...]] = []
    now = time.time()
    for fact in facts:
        served = fact["sessions"] if fact["sessions_served"] is None else fact["sessions_served"]
        why = fact["why"]
        if fact["sessions_left"] is not None:
            why = f"{why} ({fact['sessions_left']} sessions left)"
        row = (
            fact["service"],
            fact["node"],
            Text(fact["state"], style=COLOURS.get(fact["state"], "yellow")),
            lasting(now - fact["since"]),
            str(fact["inflight"]),
            str(fact["queue"]),
            _rate(fact["requests_per_second"]),
            Text(_rate(fact["errors_per_second"]), style="red" if fact["errors_per_second"] else ""),
            str(served),
            _or_dash(fact["copies_held"]),
            str(fact["weight"]),
            Text(why),
        )
        rows.append(row)
    return Fitting(NODE_HEADINGS, rows)


def workers_table(facts: Sequence[dict[str, Any]]) -> RenderableType:
    """A line for each process that serves clients."""
    now = time.time()
    rows = [
        (
            str(fact["worker"]),
            _or_dash(fact["pid"]),
            Text(fact["state"], style="green" if fact["state"] == "serving" else "bold red"),
            "-" if fact["since"] is None else lasting(now - fact["since"]),
            str(fact["connections"]),
            str(fact["inflight"]),
            Text(str(fact["restarts"]), style="yellow" if fact["restarts"] else ""),
        )
        for fact in facts
    ]
    return Fitting(WORKER_HEADINGS, rows)


def explanations(found: Sequence[dict[str, Any]]) -> None:
    """A few lines for each service that knows the session."""
    for each in found:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_row("service", each["service"])
        table.add_row("known by", f"{each['known_by']} (flag {each['flag']})")
        table.add_row("session in logs", each["session"] or "-")
        if each["first_seen"] is not None:
            now = time.time()
            first, last = lasting(now - each["first_seen"]), lasting(now - each["last_seen"])
            table.add_row("token", f"first seen {first} ago, made {last} ago")
        table.add_row("pinned to", _pin(each))
        table.add_row("would go to", f"{each['node'] or 'nobody'} ({each['reason']})")
        table.add_row("because", each["because"])
        for holder in each["holders"] or []:
            table.add_row(f"on {holder['where']}", held(holder))
        table.add_row("its nodes in order", " ".join(each["order"]) or "-")
        show(table)


def held(holder: Mapping[str, Any]) -> str:
    """What a node or the store has of a session."""
    match holder["answer"]:
        case "held":
            role = "served here" if holder["serving"] else "a copy"
            return f"{role}, version {holder['version']}, {holder['bytes']} bytes"
        case "none":
            return "nothing"
        case "ended":
            return "remembered as ended"
        case "away":
            return "not asked, since it is away"
        case _:
            return "no answer"


def lasting(seconds: float) -> str:
    """A time span in its largest unit: `3m`."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def size(count: float) -> str:
    """Bytes in the unit that leaves at most four digits: `12 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 10_000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.0f} TB"


def show(renderable: RenderableType) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:  # a pipe has no width: a line for each node, however long
        console.width = 1000
    console.print(renderable)


class Fitting:
    """A table that leaves out what matters least where the terminal is too narrow for all of it."""

    def __init__(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        self._headings = headings
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = {
            heading: LEAST_WHY if heading == "why" else max(map(len, (heading, *cells)))
            for heading, *cells in zip(self._headings, *self._rows, strict=True)
        }
        for heading in SPARED:
            if sum(widths.values()) + 2 * len(widths) <= options.max_width:
                break
            widths.pop(heading, None)
        yield self._table(widths.keys())

    def _table(self, shown: Collection[str]) -> Table:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in shown:
            justify: JustifyMethod = "left" if heading in LEFT else "right"
            table.add_column(heading, justify=justify, no_wrap=heading != "why")
        for row in self._rows:
            cells = zip(self._headings, row, strict=True)
            table.add_row(*(cell for heading, cell in cells if heading in shown))
        return table


def _rate(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 10 else f"{number:.0f}"


def _milliseconds(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f} ms"


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _pin(explanation: dict[str, Any]) -> str:
    if explanation["pin"] is None:
        return "-"
    state = explanation["pin_state"]
    return f"{explanation['pin']}, which is {state}" if state else str(explanation["pin"])
