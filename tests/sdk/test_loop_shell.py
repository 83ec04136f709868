"""The shell for event loops, with a storage that others keep busy."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limpet_session import headers
from limpet_session.endpoint import Reply
from limpet_session.file_storage import FileStorage
from limpet_session.loop_shell import LoopShell
from tests.sdk.nodes import KEY, A
from tests.sdk.serving import PATIENCE

OURS = {
    headers.KEY: KEY.encode(),
    headers.SESSION: A.encode(),
    headers.VERSION: b"0",
    headers.TTL: b"60",
}


class Busy(FileStorage):
    """A file that others have until `free` is set."""

    free: threading.Event

    def change(self, *args: object) -> object:  # type: ignore[override]
        assert self.free.wait(PATIENCE)
        return super().change(*args)  # type: ignore[arg-type]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Busy]:
    storage = Busy(tmp_path / "sessions.db")
    storage.free = threading.Event()
    yield storage
    storage.free.set()


@pytest.fixture
def shell(storage: Busy) -> LoopShell:
    return LoopShell([KEY], storage=storage)


async def until_idle(shell: LoopShell) -> None:
    hold, end = shell.node.running.hold([A]), time.monotonic() + PATIENCE
    while not hold.clear():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)
    hold.end()


async def test_the_loop_goes_on_while_the_storage_is_busy(shell: LoopShell, storage: Busy) -> None:
    opening = asyncio.create_task(shell.open(OURS))
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not opening.done()
    storage.free.set()
    life = await opening
    assert not isinstance(life, Reply)
    life.session["a"] = 1
    storage.free.clear()
    finishing = asyncio.create_task(shell.finish(life))
    await asyncio.sleep(0.01)
    assert not finishing.done()
    storage.free.set()
    assert (headers.VERSION, b"2") in (await finishing).headers
    life.leave()


async def test_a_request_that_goes_away_while_it_is_let_in_is_counted_out(
    shell: LoopShell, storage: Busy
) -> None:
    opening = asyncio.create_task(shell.open(OURS))
    await asyncio.sleep(0.01)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    hold = shell.node.running.hold([A])
    assert not hold.clear()
    hold.end()
    storage.free.set()
    await until_idle(shell)


async def test_what_was_not_written_waits_for_nobody(shell: LoopShell, storage: Busy) -> None:
    storage.free.set()
    life = await shell.open(OURS)
    assert not isinstance(life, Reply) and dict(life.session) == {}
    storage.free.clear()
    assert (await shell.finish(life)).headers == [(headers.VERSION, b"1")]
    life.leave()
    stranger = await shell.open({})
    assert not isinstance(stranger, Reply)
