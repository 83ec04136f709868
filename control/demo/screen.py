"""The demo in a terminal: a live table of the nodes, and keys that kill them and bring them back."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from control.demo.stage import COLOURS, NodeNow, Stage

KEYS = {str(number): name for number, name in enumerate(COLOURS, 1)} | {name: name for name in COLOURS}
STATE_STYLES = {"up": "green", "down": "red"}
REFRESH_SECONDS = 0.25


def row(number: int, node: NodeNow) -> tuple[RenderableType, ...]:
    """One node's line of the table."""
    process = f"running, {node.pid}" if node.pid else "killed"
    return (
        Text(str(number), style="b"),
        Text(f"● {node.name}", style=COLOURS[node.name]),
        Text(process, style="" if node.pid else "red"),
        Text(node.state, style=STATE_STYLES.get(node.state, "yellow")),
        str(node.sessions),
        str(node.visits),
    )


def picture(stage: Stage) -> Group:
    """What the terminal shows now."""
    table = Table(box=None, padding=(0, 3, 0, 0))
    for title in ("key", "node", "process", "Limpet says", "remembers", "visits"):
        table.add_column(title, justify="right" if title in ("remembers", "visits") else "left")
    for number, node in enumerate(stage.now.nodes, 1):
        table.add_row(*row(number, node))
    told = f"\nsessions that came along to another node: {stage.now.moved}    lost: {stage.now.lost}"
    sessions = Text(told, style="red" if stage.now.lost else "")
    hint = Text("1 2 3 kill a node or bring it back    q quit\n", style="dim")
    return Group(table, sessions, hint, *(Text(event, style="dim") for event in stage.events))


@contextmanager
def pressed_keys(press: Callable[[str], None]) -> Iterator[None]:
    """Calls `press` with each key, and leaves the terminal as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()

    def read() -> None:
        typed = os.read(descriptor, 64).decode(errors="replace")
        for key in typed or "q":  # nothing to read: the terminal is gone
            press(key)

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def show(stage: Stage, console: Console, quitting: asyncio.Event) -> NoReturn:
    """Draws until it is cancelled; the key `q` sets `quitting`."""
    busy: set[asyncio.Task[None]] = set()

    def press(key: str) -> None:
        if key == "q":
            quitting.set()
        elif key in KEYS and not busy:
            name = KEYS[key]
            work = asyncio.create_task(stage.kill(name) if stage.runs(name) else stage.start(name))
            busy.add(work)
            work.add_done_callback(busy.discard)

    with pressed_keys(press), Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(picture(stage), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)
