"""Does something again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger("limpet")


async def repeat(act: Callable[[], object], seconds: float) -> None:
    """Do it every so often, for ever; one that breaks is logged, and the next comes all the same."""
    while True:
        await asyncio.sleep(seconds)
        try:
            act()
        except Exception:  # a task's boundary
            logger.exception("what is done every %g s broke", seconds)


async def repeat_whole(act: Callable[[], Awaitable[None]], seconds: float) -> None:
    """As `repeat`, with so much time between the end of one and the next."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except Exception:  # a task's boundary
            logger.exception("what is done every %g s broke", seconds)
