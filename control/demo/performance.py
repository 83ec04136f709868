"""Runs the demo from curtain to curtain: ports, processes, a screen or a story, and nothing left behind."""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from control.children import NotStarted, free_port
from control.demo.buttons import serve_buttons
from control.demo.stage import Stage
from control.demo.story import tell_story
from control.extras import missing
from control.interruption import until_interrupted

INTERRUPTED = 130


def run(*, port: int = 8080, admin_port: int = 9900, seconds: float | None = None) -> int:
    """Runs the demo and returns its exit code: 0 fine, 1 it failed, 130 interrupted before it was over.

    With a terminal it goes on until `q` or Ctrl-C, without one it plays a round by itself and ends;
    `seconds`: at most so long, or so long after the round.
    """
    console = Console(highlight=False)
    if lack := missing("demo", "demo", "limpet_session", "uvicorn"):
        console.print(f"limpet demo: {lack}", style="red", markup=False, soft_wrap=True)
        return 1
    try:
        return asyncio.run(_perform(console, port, admin_port, seconds))
    except (NotStarted, OSError) as error:
        console.print(f"limpet demo: {error}", style="red", markup=False)
        return 1


async def _perform(console: Console, port: int, admin_port: int, seconds: float | None) -> int:
    quitting = asyncio.Event()
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="limpet-demo-"))
        stage = Stage(Path(directory), _choose(console, port), _choose(console, admin_port))
        played = await until_interrupted(_play(stage, console, quitting, seconds), quitting)
        if played is None:
            return 0 if _interactive() else INTERRUPTED
        return played


async def _play(stage: Stage, console: Console, quitting: asyncio.Event, seconds: float | None) -> int:
    async with stage.open(), serve_buttons(stage):
        console.print(f"[b]Limpet[/b] with three nodes behind it:  [b u]{stage.url}/[/]  <- click there")
        console.print(f"what Prometheus would see:  {stage.admin_url}/metrics\n")
        if _interactive():
            await _show(stage, console, quitting, seconds)
        told = await tell_story(stage, console)
        await asyncio.sleep(seconds or 0)
        return 0 if told else 1


async def _show(stage: Stage, console: Console, quitting: asyncio.Event, seconds: float | None) -> NoReturn:
    from control.demo.screen import show  # needs termios, which only a terminal's system has

    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, quitting.set)
    await show(stage, console, quitting)


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _choose(console: Console, wanted: int) -> int:
    port = free_port(wanted)
    if port != wanted:
        console.print(f"port {wanted} is taken: using {port}", style="yellow")
    return port
