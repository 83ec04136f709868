"""`limpet run` as a real process, its ports found in what it says of itself, ended by its own id."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0  # seconds that anything may take before a test fails; nothing waits for it to pass
SERVING = re.compile(r"serving on http://127\.0\.0\.1:(\d+)")
ADMIN = re.compile(r"admin: http://127\.0\.0\.1:(\d+)")


class Limpet:
    """A process of `limpet`; what it prints is in the files `out` and `err` of its folder."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self._folder = folder

    @property
    def out(self) -> str:
        return (self._folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self._folder / "err").read_text()

    async def says(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """Wait for something on standard error."""
        await eventually(lambda: re.search(pattern, self.err) or self.process.returncode is not None)
        found = re.search(pattern, self.err)
        assert found, f"it ended without saying {pattern!r}:\n{self.err}"
        return found

    async def port(self) -> int:
        return int((await self.says(SERVING))[1])

    async def admin_port(self) -> int:
        return int((await self.says(ADMIN))[1])

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """The exit code, when it has ended."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


async def start(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Limpet:
    """`limpet ARGUMENTS` in `folder`."""
    out, err = (folder / "out").open("wb"), (folder / "err").open("wb")
    with out, err:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "proxy",
            *arguments,
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), **os.environ, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    return Limpet(process, folder)


@asynccontextmanager
async def running(folder: Path, config: str | None = None, **env: str) -> AsyncIterator[Limpet]:
    """`limpet run` with this configuration (JSON is YAML); whatever the test did, it is gone afterwards."""
    (folder / "proxy.yaml").write_text(config or configuration([1]))
    limpet = await start(folder, "run", env=env)
    try:
        yield limpet
    finally:
        if limpet.process.returncode is None:
            limpet.process.kill()
            await limpet.process.wait()


async def command(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command that ends by itself."""
    place = folder / "command"
    place.mkdir(exist_ok=True)
    limpet = await start(place, *arguments, env=env)
    return await limpet.ended(), limpet.out, limpet.err


def configuration(ports: list[int], **options: Any) -> str:
    """A service `shop` with nodes `a`, `b`, ... on these ports; Limpet's own ports are any that are free."""
    nodes = [{"name": chr(97 + i), "url": f"http://127.0.0.1:{port}"} for i, port in enumerate(ports)]
    settings = {
        "listen": "127.0.0.1:0",
        "admin": {"listen": "127.0.0.1:0"},
        "secrets": ["a secret for the tests, long enough"],
        "services": {"shop": {"nodes": nodes}},
        **options,
    }
    return json.dumps(settings)


async def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something has become true, looking often; fail when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.01)
