"""Asks each node, again and again, whether it can take requests, and reports what it heard."""

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import aiohttp
from yarl import URL

from control.turns import Steps
from proxy.tls_faults import tls_reason

logger = logging.getLogger("limpet.probes")

GOLDEN_RATIO = 0.618033988749895  # multiples of it, modulo 1, are spread evenly however many there are
HASTE = 1 / 20  # of the interval: between probes of a node at which requests fail


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
    fall: int = 3  # failed probes in a row that take it down
    tls: ssl.SSLContext | None = None  # for https
    server_name: str | None = None


Report = Callable[[Target, Outcome, str], None]


class Prober:
    """Probes every target at its interval, spread in time; each probe has a connection of its own.

    Redirects are answers, not directions. Only the response's head counts: its body is never read.
    """

    def __init__(self, targets: Sequence[Target], report: Report) -> None:
        self._targets = {(target.service, target.node): target for target in targets}
        self._report = report
        self._paces = {key: Pace(target) for key, target in self._targets.items()}
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._shared: aiohttp.ClientSession | None = None  # None: not started
        self._spread = 0  # how many were begun

    def hurry(self, service: str, node: int) -> bool:
        """Requests have failed there: ask now, and find out quickly; False where it is never asked."""
        pace = self._paces.get((service, node))
        if pace is not None:
            pace.hurry()
        return pace is not None

    def start(self) -> None:
        self._shared = _session(aiohttp.TCPConnector(limit=0, force_close=True))
        for key in self._targets:
            self._begin(key)

    def aim(self, service: str, targets: Sequence[Target]) -> Steps[None]:
        """Ask these nodes of a service from now on; a node a step. Who was asked in the same way before
        notices nothing."""
        after = {(target.service, target.node): target for target in targets}
        for key in [key for key in self._targets if key[0] == service]:
            if after.get(key) != self._targets[key]:
                self._forget(key)
                yield
        for key, target in after.items():
            if key not in self._targets:
                self._targets[key], self._paces[key] = target, Pace(target)
                if self._shared is not None:
                    self._begin(key)
                yield

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._shared is not None:
            await self._shared.close()

    def _forget(self, key: tuple[str, int]) -> None:
        del self._targets[key], self._paces[key]
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    def _begin(self, key: tuple[str, int]) -> None:
        target, pace = self._targets[key], self._paces[key]
        pace.begin((self._spread * GOLDEN_RATIO % 1.0) * target.interval)
        self._spread += 1
        self._tasks[key] = asyncio.create_task(self._watch(target, pace))

    async def _watch(self, target: Target, pace: "Pace") -> None:
        assert self._shared is not None, "it was started"
        if target.socket is None:
            await self._ask_on(self._shared, target, pace)
            return
        async with _session(aiohttp.UnixConnector(target.socket, limit=0, force_close=True)) as session:
            await self._ask_on(session, target, pace)

    async def _ask_on(self, session: aiohttp.ClientSession, target: Target, pace: "Pace") -> None:
        while True:
            await pace.turn()
            passed = False
            try:
                outcome, why = await probe(session, target)
                passed = outcome is not Outcome.FAILED
                self._report(target, outcome, why)
            except Exception:  # a task's boundary: the next probes of this node go on
                logger.exception("the probe of node %d of %s broke", target.node, target.service)
            pace.asked(passed)


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "limpet-probe", "Accept": "*/*"},
        skip_auto_headers=("Accept-Encoding",),
        auto_decompress=False,
    )


class Pace:
    """When a node is asked next: at its interval, and out of turn while requests fail there.

    (HAProxy calls that `fastinter`.) As many failed probes take it down as ever, only sooner.
    """

    def __init__(self, target: Target) -> None:
        self._interval = target.interval
        self._fall = target.fall
        self._alarm = asyncio.Event()
        self._due = 0.0
        self._quick = 0  # probes left that come one upon the other
        self._calm_until = 0.0

    def begin(self, seconds: float) -> None:
        """The first is due after this."""
        self._due = asyncio.get_running_loop().time() + seconds

    def hurry(self) -> None:
        """Ask now. What is hurried again and again is so at most twice in an interval."""
        now = asyncio.get_running_loop().time()
        if now >= self._calm_until:
            self._calm_until = now + self._interval / 2
            self._quick = self._fall
            self._alarm.set()

    async def turn(self) -> None:
        """Wait until it is time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._due):
                await self._alarm.wait()
        self._alarm.clear()

    def asked(self, passed: bool) -> None:
        """It has been asked: when is the next time?"""
        now = asyncio.get_running_loop().time()
        self._quick = 0 if passed else max(0, self._quick - 1)
        if self._quick:
            self._due = now + self._interval * HASTE
        elif self._due <= now:
            # An interval shorter than the answer takes leaves none out: the next probe comes at once.
            self._due = max(self._due + self._interval, now)


async def probe(session: aiohttp.ClientSession, target: Target) -> tuple[Outcome, str]:
    """Ask once; the text says why it did not pass."""
    headers = {"Host": target.host} if target.host else None
    limit = aiohttp.ClientTimeout(total=target.timeout, ceil_threshold=float("inf"))
    url = URL(target.url, encoded=True)
    try:
        async with session.get(
            url,
            headers=headers,
            allow_redirects=False,
            timeout=limit,
            ssl=target.tls or True,
            server_hostname=target.server_name if target.tls is not None else None,
        ) as response:
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
    if isinstance(error.__cause__, ssl.SSLError):
        return tls_reason(error.__cause__).replace("_", " ")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, aiohttp.ClientConnectorError):
        return "could not connect"
    return "answered with something that is not HTTP"
