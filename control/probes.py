"""Asks each node, again and again, whether it can take requests, and reports what it heard."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import aiohttp
from yarl import URL

logger = logging.getLogger("limpet.probes")

GOLDEN_RATIO = 0.618033988749895  # multiples of it, modulo 1, are spread evenly however many there are


class Outcome(IntEnum):
    PASSED = 0
    FAILED = 1
    DRAINING = 2


class Target(NamedTuple):
    """One node and how to ask it. `socket` is the path of a unix socket; times are in seconds."""

    service: str
    node: int
    url: str
    socket: str | None
    host: str | None
    expect: frozenset[int]
    interval: float
    timeout: float


Report = Callable[[Target, Outcome, str], None]


class Prober:
    """Probes every target at its interval, spread in time; each probe has a connection of its own.

    Redirects are answers, not directions. Only the response's head counts: its body is never read.
    """

    def __init__(self, targets: Sequence[Target], report: Report) -> None:
        self._targets = targets
        self._report = report
        self._sessions: list[aiohttp.ClientSession] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        shared = self._session(aiohttp.TCPConnector(limit=0, force_close=True))
        for number, target in enumerate(self._targets):
            session = shared
            if target.socket is not None:
                session = self._session(aiohttp.UnixConnector(target.socket, limit=0, force_close=True))
            first = (number * GOLDEN_RATIO % 1.0) * target.interval
            self._tasks.append(asyncio.create_task(self._watch(target, session, first)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions:
            await session.close()

    def _session(self, connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "limpet-probe", "Accept": "*/*"},
            skip_auto_headers=("Accept-Encoding",),
            auto_decompress=False,
        )
        self._sessions.append(session)
        return session

    async def _watch(self, target: Target, session: aiohttp.ClientSession, first: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + first
        while True:
            await asyncio.sleep(due - loop.time())
            try:
                self._report(target, *await probe(session, target))
            except Exception:  # a task's boundary: the next probes of this node go on
                logger.exception("the probe of node %d of %s broke", target.node, target.service)
            # An interval shorter than the answer takes leaves none out: the next probe comes at once.
            due = max(due + target.interval, loop.time())


async def probe(session: aiohttp.ClientSession, target: Target) -> tuple[Outcome, str]:
    """Ask once; the text says why it did not pass."""
    headers = {"Host": target.host} if target.host else None
    limit = aiohttp.ClientTimeout(total=target.timeout, ceil_threshold=float("inf"))
    url = URL(target.url, encoded=True)
    try:
        async with session.get(url, headers=headers, allow_redirects=False, timeout=limit) as response:
            status = response.status
            response.close()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        return Outcome.FAILED, failure(error, target.timeout)
    if status in target.expect:
        return Outcome.PASSED, ""
    if status == 404:
        return Outcome.DRAINING, "answered 404"
    return Outcome.FAILED, f"answered {status}"


def failure(error: Exception, timeout: float) -> str:
    """Why a probe got no answer, in words of ours: nothing that a node sent gets into a log line."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, aiohttp.ClientConnectorError):
        return "could not connect"
    return "answered with something that is not HTTP"
