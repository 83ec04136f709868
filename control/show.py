"""Shows the admin API's answers in a terminal."""

import json
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = {"up": "green", "down": "bold red"}


def as_json(answer: Any) -> str:
    return json.dumps(answer, indent=2)


def nodes(facts: Sequence[dict[str, Any]]) -> None:
    """A line for each node."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("service", "node", "state", "for", "in flight", "queue", "sessions", "weight", "why"):
        right = heading in ("in flight", "queue", "sessions", "weight")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "why")
    now = time.time()
    for fact in facts:
        state = Text(fact["state"], style=COLOURS.get(fact["state"], "yellow"))
        numbers = [str(fact[key]) for key in ("inflight", "queue", "sessions", "weight")]
        age = lasting(now - fact["since"])
        table.add_row(fact["service"], fact["node"], state, age, *numbers, Text(fact["why"]))
    _print(table)


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
        table.add_row("its nodes in order", " ".join(each["order"]) or "-")
        _print(table)


def lasting(seconds: float) -> str:
    """A time span in its largest unit: `3m`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def _pin(explanation: dict[str, Any]) -> str:
    if explanation["pin"] is None:
        return "-"
    state = explanation["pin_state"]
    return f"{explanation['pin']}, which is {state}" if state else str(explanation["pin"])


def _print(table: Table) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:  # a pipe has no width: a line for each node, however long
        console.width = 1000
    console.print(table)
