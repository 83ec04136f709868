"""Control with its workers, real processes, within the test: what it does with those that hang or die."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from config.settings import Settings
from control.runtime import build
from control.traces import Counts
from control.workers import backoff
from control.workers import crew as module
from control.workers.board import make_board
from control.workers.crew import Crew
from proxy.front import Door
from tests.control.process import PATIENCE, eventually
from tests.control.settings import SECRET, failing, service

CLIENTS = 24  # the kernel deals them out: none to one of two workers once in eight million times


@asynccontextmanager
async def leading(workers: int) -> AsyncIterator[tuple[Crew, int]]:
    """A crew that serves, and its port. Nothing is served there: each request gets a 404."""
    settings = Settings.model_validate(
        {
            "listen": "127.0.0.1:0",
            "services": {"shop": service()},
            "routes": [{"service": "shop", "host": "y"}],
        }
    )
    crew = Crew(make_board(workers))
    crew.lead(build(settings, [SECRET], failing(), crew.seat), Counts())
    site = crew.make_site(settings.listen[0].address, Door(), [])
    await site.start()
    try:
        async with asyncio.timeout(2 * PATIENCE):
            await crew.start()
            yield crew, int(site.url.rpartition(":")[2])
    finally:
        crew.stop(aside=False)
        await crew.end()
        await site.stop()
    assert crew.pids == []


async def answer(port: int) -> bytes:
    """A new client's, the first line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said[:12]


async def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.05)
    async with leading(1) as (crew, port):
        (pid,) = crew.pids
        os.kill(pid, signal.SIGSTOP)
        await eventually(lambda: crew.restarts and crew.serving == 1 and pid not in crew.pids)
        assert await answer(port) == b"HTTP/1.1 404"


async def test_while_one_dies_again_and_again_before_it_serves_another_accepts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.01)
    async with leading(2) as (crew, port):
        other = crew.pids[1]
        files = len(os.listdir(f"/proc/{other}/fd"))
        for deaths in range(4):
            await eventually(lambda known=deaths: crew.restarts == known and crew.facts()[0]["pid"])
            pid = crew.facts()[0]["pid"]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda known=deaths: crew.restarts > known)
            assert {await answer(port) for _ in range(CLIENTS)} == {b"HTTP/1.1 404"}
        await eventually(lambda: crew.serving == 2)
        assert {await answer(port) for _ in range(CLIENTS)} == {b"HTTP/1.1 404"}
        first, second = crew.facts()
        assert (first["state"], first["restarts"]) == ("serving", 4)
        assert (second["pid"], second["restarts"]) == (other, 0)
        await eventually(lambda: len(os.listdir(f"/proc/{other}/fd")) == files)
        assert sum("serves" in message for message in caplog.messages) == 3 and len(crew.pids) == 2
