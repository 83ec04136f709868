"""`limpet status --watch`: the tables again and again, like top; lines of JSON where a program reads them."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from control import show
from control.admin_client import AdminError

Look = Callable[[], dict[str, Any]]


def watch(look: Look, seconds: float, as_json: bool) -> None:
    """Until Ctrl-C. On a terminal a Limpet that does not answer is waited for; else AdminError is raised."""
    console = Console(highlight=False, markup=False)
    if as_json or not console.is_terminal:
        for answer in _again(look, seconds):
            click.echo(json.dumps(answer)) if as_json else show.show(_tables(answer))
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for picture in _again(lambda: _picture(look, seconds), seconds):
            live.update(picture, refresh=True)


def _again(look: Callable[[], Any], seconds: float) -> Iterator[Any]:
    """Until Ctrl-C, which asyncio's own handler would lose where a look fails in that moment."""
    pressed: list[int] = []

    def press(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, press)
    try:
        while not pressed:
            yield look()
            time.sleep(seconds)  # `--interval`: what the operator asked for
    finally:
        signal.signal(signal.SIGINT, before)


def _picture(look: Look, seconds: float) -> RenderableType:
    try:
        tables = _tables(look())
    except AdminError as error:
        tables = Text(str(error), style="bold red")
    hint = f"{time.strftime('%H:%M:%S')}   every {seconds:g} s   Ctrl-C ends"
    return Group(Text(hint, style="dim"), "", tables)


def _tables(answer: dict[str, Any]) -> RenderableType:
    return show.status(answer["services"], answer["nodes"], answer["discovery"], answer["workers"])
