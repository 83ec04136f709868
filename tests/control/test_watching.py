"""`limpet status --watch`, on a terminal and for programs."""

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.process import PATIENCE, ROOT, configuration, eventually, running

COMMAND = [sys.executable, "-m", "proxy", "status", "--watch", "--interval", "0.2", "--admin"]
ENV = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}


class Screen:
    """What a program has written on a terminal of its own."""

    def __init__(self, url: str) -> None:
        self._near, far = pty.openpty()
        self.process = subprocess.Popen([*COMMAND, url], stdin=far, stdout=far, stderr=far, env=ENV)
        os.close(far)
        os.set_blocking(self._near, False)
        self.text = ""

    def says(self, words: str) -> bool:
        with contextlib.suppress(OSError):  # nothing yet, or nobody any more
            self.text += os.read(self._near, 65536).decode(errors="replace")
        return words in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        os.close(self._near)


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        screen.close()


async def test_on_a_terminal_it_goes_on_without_limpet_until_ctrl_c(
    tmp_path: Path, screens: list[Screen]
) -> None:
    async with running(tmp_path, configuration([1])) as limpet:
        screen = Screen(f"http://127.0.0.1:{await limpet.admin_port()}")
        screens.append(screen)
        await eventually(lambda: screen.says("strategy"))
        await eventually(lambda: screen.says("in flight"))
        assert screen.says("every 0.2 s")
        limpet.process.kill()
        await limpet.ended()
        await eventually(lambda: screen.says("no Limpet answers"))
        screen.process.send_signal(signal.SIGINT)
        await eventually(lambda: screen.says("") and screen.process.poll() is not None)
        assert screen.process.returncode == 0


async def test_a_program_reads_a_line_of_json_each_time(tmp_path: Path) -> None:
    async with running(tmp_path, configuration([1])) as limpet:
        url = f"http://127.0.0.1:{await limpet.admin_port()}"
        process = await asyncio.create_subprocess_exec(
            *COMMAND, url, "--json", env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            assert process.stdout is not None and process.stderr is not None
            for _ in range(2):
                answer = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
                assert (answer["nodes"][0]["node"], answer["services"][0]["service"]) == ("a", "shop")
            limpet.process.kill()
            await limpet.ended()
            assert b"no Limpet answers" in await asyncio.wait_for(process.stderr.read(), PATIENCE)
            assert await asyncio.wait_for(process.wait(), PATIENCE) == 1
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
