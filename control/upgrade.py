"""Starts another process of Limpet, maybe a newer one, in place of this one; no socket stops listening."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from control.inheritance import READY, VARIABLE, Inheritance, asked_of
from control.runtime import Runtime
from control.sites import Sites
from routing.states import Membership

logger = logging.getLogger("limpet.upgrade")

PATIENCE_SECONDS = 60.0  # for the new process to serve


class UpgradeError(Exception):
    """This process stays; the message says why."""


class Upgrader:
    """Of one process. `step_aside`: told of the new process's id when that serves."""

    def __init__(self, runtime: Runtime, sites: Sites, step_aside: Callable[[int], None]) -> None:
        self._runtime = runtime
        self._sites = sites
        self._step_aside = step_aside
        self._under_way = False

    async def upgrade(self) -> int:
        """Start it as this one was started, and leave clients to it; its process id. Raises UpgradeError."""
        self._check()
        self._under_way = True
        try:
            process = await self._start()
        finally:
            self._under_way = False
        process.returncode = 0  # it lives on, and is nobody's child soon: nobody is to wait for it here
        self._step_aside(process.pid)
        return process.pid

    def _check(self) -> None:
        if self._under_way or self._runtime.engine.stopping:
            raise UpgradeError("there is one under way already, or Limpet is stopping")
        if os.getpid() == 1:
            raise UpgradeError("a container ends with its first process: start another container instead")
        blueprint = self._runtime.blueprint
        slots = blueprint.slots.items() if blueprint is not None else ()
        leaving = [
            f"{name}/{slot.node.name}"
            for name, group in slots
            for slot in group
            if slot.membership is Membership.LEAVING
        ]
        if leaving:  # the new process would know nothing of them, nor of the sessions that they still have
            raise UpgradeError(
                f"nodes that were taken out are not yet empty: {', '.join(leaving)}; try later"
            )

    async def _start(self) -> subprocess.Popen[bytes]:
        ready, theirs = os.pipe()
        handed = Inheritance(theirs, self._sites.descriptors, asked_of(self._runtime))
        passed = [theirs, *(each for group in handed.sockets.values() for each in group)]
        try:
            process = await asyncio.to_thread(_spawn, passed, environment(os.environ, handed))
        except OSError as error:
            os.close(ready)
            raise UpgradeError(f"the new process cannot be started: {error.strerror}") from error
        finally:
            os.close(theirs)
        logger.info("upgrade: process %d is starting", process.pid)
        try:
            await self._hear(process, ready)
        finally:
            os.close(ready)
        return process

    async def _hear(self, process: "subprocess.Popen[bytes]", ready: int) -> None:
        """Wait until it serves. One that does not is ended, and what it was handed is still ours."""
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(ready, heard.set)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await heard.wait()
            if os.read(ready, len(READY)) == READY:
                return
            code = await asyncio.to_thread(process.wait)
            raise UpgradeError(f"the new process ended with {code}; its log says why")
        except TimeoutError:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise UpgradeError(f"the new process did not serve within {PATIENCE_SECONDS:g} s") from None
        finally:
            loop.remove_reader(ready)


def _spawn(passed: Sequence[int], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Not by asyncio, which would end it together with this process's event loop."""
    return subprocess.Popen(command(), stdin=subprocess.DEVNULL, pass_fds=passed, env=env)


def command() -> Sequence[str]:
    """As this process was started, from the same place: there may be something newer by now."""
    return [sys.executable, *sys.orig_argv[1:]]


def environment(env: Mapping[str, str], handed: Inheritance) -> dict[str, str]:
    """Ours, without what systemd meant for this process alone."""
    kept = {name: value for name, value in env.items() if name != "WATCHDOG_PID"}
    return {**kept, VARIABLE: handed.text()}
