"""Control with one worker, a real process, within the test: what it does with one that hangs."""

import asyncio
import os
import signal

import pytest

from config.settings import Settings
from control.runtime import build
from control.traces import Counts
from control.workers import crew as module
from control.workers.board import make_board
from control.workers.crew import Crew
from proxy.front import Door
from tests.control.process import PATIENCE, eventually
from tests.control.settings import SECRET, failing, service


async def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.05)
    settings = Settings.model_validate(
        {"listen": "127.0.0.1:0", "services": {"shop": service()}, "routes": [{"service": "shop"}]}
    )
    crew = Crew(make_board(1))
    crew.lead(build(settings, [SECRET], failing(), crew.seat), Counts())
    site = crew.make_site(settings.listen[0].address, Door(), [])
    await site.start()
    try:
        async with asyncio.timeout(2 * PATIENCE):
            await crew.start()
            port = int(site.url.rpartition(":")[2])
            (pid,) = crew.pids
            os.kill(pid, signal.SIGSTOP)
            await eventually(lambda: crew.restarts and crew.serving == 1 and pid not in crew.pids)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 503"), "there are no nodes"
            writer.close()
            await writer.wait_closed()
    finally:
        crew.stop(aside=False)
        await crew.end()
        await site.stop()
    assert crew.pids == []
