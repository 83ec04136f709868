"""What goes wrong with a Redis."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from tests.sessions.stores.processes import RedisProcess
from tests.survival.faults import kill
from tests.survival.findings import NODES, STORE, Findings, Window
from tests.survival.redis_servers import Watched
from tests.survival.stage import Stage


class Outage:
    """Answers may be unprotected from its beginning until everything is in the store again."""

    def __init__(self, name: str, break_it: Callable[[Any, Random], Awaitable[None]]) -> None:
        self.name = name
        self._break = break_it

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        assert stage.redis is not None, "this is for runs with a Redis"
        began = asyncio.get_running_loop().time()
        await self._break(stage.redis, random)
        await stage.all_up()
        await stage.protected()
        findings.struck(STORE, began)
        findings.bare.append(Window(began, asyncio.get_running_loop().time(), self.name))


class SpareOutage:
    """Of a fallback: nodes copy for each other, so nothing is unprotected without it. What both nodes have
    forgotten, one after the other, it alone has until somebody asks for it."""

    def __init__(self, name: str, break_it: Callable[[Any, Random], Awaitable[None]]) -> None:
        self.name = name
        self._break = break_it

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        assert stage.redis is not None, "this is for runs with a Redis"
        began = asyncio.get_running_loop().time()
        await self._break(stage.redis, random)
        await stage.all_up()
        findings.struck(STORE, began)


class DeathBesidesOutage:
    """A node dies while the fallback is away, which then comes back first; and then the other node."""

    name = "kill while the fallback is away"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        assert isinstance(stage.redis, RedisProcess), "this is for runs with a Redis of their own"
        began = asyncio.get_running_loop().time()
        stage.redis.stop()
        await asyncio.sleep(random.random())
        first, second = random.sample(stage.nodes, 2)
        kill(first, findings)
        await asyncio.sleep(1.0 + random.random())
        await asyncio.to_thread(stage.redis.start)
        await stage.protected()
        findings.struck(STORE, began)
        findings.bare.append(Window(began, asyncio.get_running_loop().time(), self.name))
        began = asyncio.get_running_loop().time()
        kill(second, findings)
        first.start()
        second.start()
        await stage.all_up()
        findings.struck(NODES, began)


async def killed(redis: RedisProcess, random: Random) -> None:
    """SIGKILL. What it comes back with is a matter of its settings."""
    redis.stop()
    await asyncio.sleep(0.5 + 2.0 * random.random())
    await asyncio.to_thread(redis.start)


async def frozen(redis: RedisProcess, random: Random) -> None:
    redis.signal(signal.SIGSTOP)
    await asyncio.sleep(0.3 + 3.0 * random.random())
    redis.signal(signal.SIGCONT)


async def paused(redis: RedisProcess, random: Random) -> None:
    milliseconds = 300 + int(2000 * random.random())
    await asyncio.to_thread(redis.ask, "CLIENT", "PAUSE", milliseconds, random.choice(("ALL", "WRITE")))
    await asyncio.sleep(milliseconds / 1000)


async def full(redis: RedisProcess, random: Random) -> None:
    """Every write is refused: out of memory."""
    await asyncio.to_thread(redis.ask, "CONFIG", "SET", "maxmemory", 1)
    await asyncio.sleep(0.3 + 2.0 * random.random())
    await asyncio.to_thread(redis.ask, "CONFIG", "SET", "maxmemory", 0)


async def failed_over(servers: Watched, random: Random) -> None:
    """SIGKILL for the master, and its replica follows it. What the replica did not have yet, nodes have."""
    await servers.ready()
    servers.master.stop()
    await servers.failed_over()
    await asyncio.sleep(random.random())
    await servers.follow()


async def master_frozen(servers: Watched, random: Random) -> None:
    """SIGSTOP for the master until another is, and SIGCONT: it does not know of that yet."""
    await servers.ready()
    servers.master.signal(signal.SIGSTOP)
    await servers.failed_over()
    await asyncio.sleep(random.random())
    servers.replica.signal(signal.SIGCONT)


FAILOVERS = (
    Outage("failover", failed_over),
    Outage("failover, the old master frozen", master_frozen),
)
_AWAY = (
    ("redis killed", killed),
    ("redis frozen", frozen),
    ("redis paused", paused),
    ("redis full", full),
)
OUTAGES = tuple(Outage(name, what) for name, what in _AWAY)
SPARE_OUTAGES = tuple(SpareOutage(f"spare {name}", what) for name, what in _AWAY)
