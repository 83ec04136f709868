"""What goes wrong with nodes and proxies, each a class that strikes and then mends what it broke."""

import asyncio
from random import Random
from typing import Protocol

from tests.survival.findings import Findings, Window
from tests.survival.relay import Line
from tests.survival.stage import Stage


class Fault(Protocol):
    """`strike` returns when everything runs again; whether it is well by then is for others to see."""

    @property
    def name(self) -> str: ...

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None: ...


class Kill:
    """SIGKILL, and a node that has forgotten everything comes back."""

    name = "kill"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        node.kill()
        await asyncio.sleep(2.0 * random.random())
        node.start()


class KillWorker:
    """SIGKILL for one process of a node that has several; the node starts another."""

    name = "kill a worker"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        random.choice(stage.nodes).kill_a_worker(random)
        await asyncio.sleep(0.5 * random.random())


class KillWhileHeld:
    """While the other nodes are frozen, so that writes are held, a node is killed."""

    name = "kill while writes are held"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        victim, *others = random.sample(stage.nodes, len(stage.nodes))
        for node in others:
            node.freeze()
        await asyncio.sleep(0.1 + 0.3 * random.random())
        victim.kill()
        await asyncio.sleep(0.1)
        for node in others:
            node.thaw()
        await asyncio.sleep(random.random())
        victim.start()


class KillCopyHolder:
    """A node is frozen until writes wait for it, and then killed."""

    name = "kill the copy holder during a write"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        node.freeze()
        await asyncio.sleep(0.2 + 0.5 * random.random())
        node.kill()
        await asyncio.sleep(random.random())
        node.start()


class KillBothHolders:
    """Two nodes one after the other, with time to be protected again in between, and one left alone."""

    name = "kill both holders"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        first, second, _ = random.sample(stage.nodes, 3)
        first.kill()
        await stage.protected()
        began = asyncio.get_running_loop().time()
        second.kill()
        await asyncio.sleep(1.0 + random.random())
        first.start()
        second.start()
        await stage.all_up()
        await stage.protected()
        findings.bare.append(Window(began, asyncio.get_running_loop().time(), self.name))


class Freeze:
    """SIGSTOP, and SIGCONT after a short or a long while."""

    name = "freeze"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        node.freeze()
        await asyncio.sleep(random.choice((0.4, 4.0)) * (0.5 + random.random()))
        node.thaw()


class Flap:
    """Away and back, faster than health checks settle."""

    name = "flap"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        for _ in range(4):
            node.freeze()
            await asyncio.sleep(0.9 * random.random())
            node.thaw()
            await asyncio.sleep(0.6 * random.random())


class Cut:
    """What lies between one proxy and a node, or all proxies and it, does something else than pass bytes."""

    def __init__(self, line: Line, everybody: bool = False) -> None:
        self.name = f"{line.name.lower()} {'for all' if everybody else 'for one proxy'}"
        self._line = line
        self._everybody = everybody

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.randrange(len(stage.nodes))
        proxies = range(len(stage.proxies)) if self._everybody else [random.randrange(len(stage.proxies))]
        for proxy in proxies:
            await stage.relays[proxy][node].set(self._line)
        await asyncio.sleep(0.5 + 3.0 * random.random())
        for proxy in proxies:
            await stage.relays[proxy][node].set(Line.FINE)


class KillProxy:
    """Clients go to the other one."""

    name = "kill a proxy"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        proxy = random.choice(stage.proxies)
        proxy.kill()
        await asyncio.sleep(1.0)
        proxy.start()


class Roll:
    """Each node in turn: drained until it has nothing left, stopped, started again."""

    name = "rolling restart"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        for index, node in enumerate(stage.nodes):
            await stage.command(index, "drain")
            await stage.drained(index)
            await node.stop()
            node.start()
            await stage.answering(index)
            await stage.command(index, "ready")
            await stage.all_up()
