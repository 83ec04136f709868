"""The scenarios run on the loop that Limpet runs on."""

import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop differs from asyncio's own loop in when it writes, pauses and closes."""
    return {"uvloop": uvloop.new_event_loop}
