"""The same as `shell.Shell` for frameworks on an event loop, which a storage must not hold up."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, Unpack

from limpet_session.endpoint import Asked, Call, Plan, Reply, forbidden, too_large
from limpet_session.loop_server import LoopServer
from limpet_session.shell import POLL_SECONDS, Options, Shell
from limpet_session.visit import Answer, Life

T = TypeVar("T")


class LoopShell:
    """A node as an asyncio framework's shell uses it: what may wait for a storage is awaited.

    The memory of a process never waits, so that is asked on the spot. Raises ValueError for keys that
    cannot be.
    """

    def __init__(self, keys: Iterable[str | bytes], **options: Unpack[Options]) -> None:
        self.shell = Shell(keys, **options)
        self.node = self.shell.node
        # What never waits is the shell's own.
        self.rest, self.trusts, self.crowded = self.shell.rest, self.node.trusts, self.shell.crowded
        self.serve, self.close, self.open_at_once = self.shell.serve, self.shell.close, self.shell.open
        self.max_body = self.shell.max_body
        self._thread: ThreadPoolExecutor | None = None
        # Whether `open` and `finish` have to be: else the shell's and the life's own do.
        self.waits = self.node.storage.blocking
        if self.waits:
            # Of its own, for those of the loop may all be busy with the app. One: a file has one writer.
            self._thread = ThreadPoolExecutor(1, "limpet-storage")
        elif self.shell.address:
            # A copy takes 60 us in the loop. (With a file it takes 240 in a thread, and 300 there and back.)
            self.shell.server = LoopServer(self.shell.address, self)

    async def open(self, ours: Mapping[bytes, bytes]) -> Life | Reply:
        """As `Shell.open`."""
        if self._thread is None or not self.node.trusts(ours):
            return self.shell.open(ours)
        opening = asyncio.get_running_loop().run_in_executor(self._thread, self.shell.open, ours)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_leave)  # it is let in all the same
            raise

    async def finish(self, life: Life) -> Answer:
        """As `Life.finish`; the other three of a life's calls never wait."""
        # What has not been written is not saved. A way to the thread and back costs 100 us.
        aside = self._thread is not None and life.session.suspect
        return await self._aside(life.finish) if aside else life.finish()

    async def answer(self, asked: Asked, read: Callable[[int], Awaitable[bytes | None]]) -> Reply:
        """As `Shell.answer`, with `read` awaited."""
        if not self.trusts(asked.ours):
            return forbidden()
        body = await read(self.max_body)
        if body is None:
            return too_large(self.max_body)
        said = self.carry_out(Call(*asked, body))
        return said if isinstance(said, Reply) else await said

    def carry_out(self, call: Call) -> Reply | Awaitable[Reply]:
        """As `Shell.carry_out`: the answer, or what has to be awaited for it."""
        if self._thread is not None:
            return self._carry_out_aside(call)
        plan = self.shell.endpoint.plan(call)
        return self._wait(plan) if plan.fences else plan.run()

    async def _carry_out_aside(self, call: Call) -> Reply:
        def begin() -> Plan | Reply:
            plan = self.shell.endpoint.plan(call)
            return plan if plan.fences else plan.run()

        begun = await self._aside(begin)  # once where that will do: there and back costs 100 us
        return begun if isinstance(begun, Reply) else await self._wait(begun)

    async def _wait(self, plan: Plan) -> Reply:
        until = time.monotonic() + self.shell.fence_seconds
        hold = self.node.running.hold(plan.fences)
        try:
            # Those of other processes set no event.
            while not hold.clear() and time.monotonic() < until:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
            return await self._aside(plan.run)
        finally:
            hold.end()

    async def _aside(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _leave(opening: "asyncio.Future[Life | Reply]") -> None:
    if not opening.cancelled() and not opening.exception():
        life = opening.result()
        if not isinstance(life, Reply):
            life.leave()
