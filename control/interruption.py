"""Ends what a command plays when somebody presses Ctrl-C, or the terminal goes."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def until_interrupted(
    playing: Coroutine[Any, Any, Result], interrupted: asyncio.Event | None = None
) -> Result | None:
    """What it returns; None: it was interrupted, and has cleaned up. A signal sets `interrupted`, too."""
    interrupted = interrupted or asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    task = asyncio.create_task(playing)
    leaving = asyncio.create_task(interrupted.wait())
    await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return None
