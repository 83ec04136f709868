"""What goes wrong with nodes and proxies, each a class that strikes and then mends what it broke."""

import asyncio
from random import Random
from typing import Protocol

from tests.survival.findings import NODES, Findings, Window
from tests.survival.processes import Node, Process
from tests.survival.relay import Line
from tests.survival.stage import Stage

LONGEST_WRITE = 0.4  # seconds, or a little more: docs/contract.md has half a second


class Fault(Protocol):
    """`strike` returns when everything runs again; whether it is well by then is for others to see."""

    @property
    def name(self) -> str: ...

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None: ...


def kill(process: Process, findings: Findings, began: float | None = None) -> None:
    """SIGKILL. `began`: when it ceased to answer, if that was earlier."""
    now = asyncio.get_running_loop().time()
    process.kill()
    findings.struck(process.name, now if began is None else began)


async def drain(stage: Stage, node: Node, findings: Findings) -> None:
    """Until it has nothing left. A write fails that holds its session back for longer than nodes allow."""
    began = asyncio.get_running_loop().time()
    await stage.command(node, "drain")
    await stage.drained(node)
    findings.struck(node.name, began, LONGEST_WRITE)


class Kill:
    """SIGKILL, and a node that has forgotten everything comes back."""

    name = "kill"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        kill(node, findings)
        await asyncio.sleep(2.0 * random.random())
        node.start()


class KillWorker:
    """SIGKILL for one process of a node that has several; the node starts another."""

    name = "kill a worker"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        began = asyncio.get_running_loop().time()
        node.kill_a_worker(random)
        await asyncio.sleep(0.5 * random.random())
        findings.struck(node.name, began)


class Restart:
    """SIGKILL, and it is back at once, empty: probes may not even have seen that it was away."""

    name = "restart empty"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        kill(node, findings)
        node.start()


class KillWhileHeld:
    """While the other nodes are frozen, so that writes are held, a node is killed."""

    name = "kill while writes are held"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        victim, *others = random.sample(stage.nodes, len(stage.nodes))
        for node in others:
            node.freeze()
        await asyncio.sleep(0.1 + 0.3 * random.random())
        kill(victim, findings)
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
        frozen = asyncio.get_running_loop().time()
        await asyncio.sleep(0.2 + 0.5 * random.random())
        kill(node, findings, frozen)
        await asyncio.sleep(random.random())
        node.start()


class KillBothHolders:
    """Two nodes one after the other, with time to be protected again in between, and one left alone."""

    name = "kill both holders"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        first, second, _ = random.sample(stage.nodes, 3)
        kill(first, findings)
        await stage.protected()
        began = asyncio.get_running_loop().time()
        kill(second, findings)
        await asyncio.sleep(1.0 + random.random())
        first.start()
        second.start()
        await stage.all_up()
        await stage.protected()
        findings.bare.append(Window(began, asyncio.get_running_loop().time(), self.name))


class KillOneThenTheOther:
    """Of two nodes: what is written to the second one alone is in the fallback when that dies, too."""

    name = "kill one, then the other"

    def __init__(self, apart: float = 1.0) -> None:
        """`apart`: seconds that the second one has for writes of its own, at least."""
        self._apart = apart

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        first, second = random.sample(stage.nodes, 2)
        kill(first, findings)
        await stage.protected()
        await asyncio.sleep(self._apart + random.random())
        kill(second, findings)
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(random.random())
        for node in random.sample((first, second), 2):
            node.start()
            await asyncio.sleep(random.choice((0.0, 1.5)))
        await stage.all_up()
        findings.struck(NODES, began)


class Freeze:
    """SIGSTOP, and SIGCONT after a short or a long while."""

    name = "freeze"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        began = asyncio.get_running_loop().time()
        node.freeze()
        await asyncio.sleep(random.choice((0.4, 4.0)) * (0.5 + random.random()))
        node.thaw()
        findings.struck(node.name, began)


class Flap:
    """Away and back, faster than health checks settle."""

    name = "flap"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        node = random.choice(stage.nodes)
        for _ in range(4):
            began = asyncio.get_running_loop().time()
            node.freeze()
            await asyncio.sleep(0.9 * random.random())
            node.thaw()
            findings.struck(node.name, began)
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
        began = asyncio.get_running_loop().time()
        for proxy in proxies:
            await stage.relays[proxy][node].set(self._line)
        await asyncio.sleep(0.5 + 3.0 * random.random())
        for proxy in proxies:
            await stage.relays[proxy][node].set(Line.FINE)
        findings.struck(stage.nodes[node].name, began)


class KillProxy:
    """Clients go to the other one."""

    name = "kill a proxy"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        proxy = random.choice(stage.proxies)
        began = asyncio.get_running_loop().time()
        proxy.kill()
        await asyncio.sleep(1.0)
        proxy.start()
        await stage.all_up()
        findings.struck(proxy.name, began)


class Roll:
    """Each node in turn: drained until it has nothing left, stopped, started again."""

    name = "rolling restart"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        for node in stage.nodes:
            await drain(stage, node, findings)
            await node.stop()
            node.start()
            await stage.answering(node)
            await stage.command(node, "ready")
            await stage.all_up()


class Reconfigure:
    """A node more in the file, which the proxies read again; then one of the others out of it: they start
    anew, one by one."""

    name = "nodes added and removed"

    async def strike(self, stage: Stage, random: Random, findings: Findings) -> None:
        stage.spare.start()
        await stage.answering(stage.spare)
        stage.nodes.append(stage.spare)
        for proxy in stage.proxies:
            stage.configure(proxy)
            proxy.reload()
        await stage.all_know(stage.spare)
        await stage.protected()
        leaver = random.choice(stage.nodes)
        await drain(stage, leaver, findings)
        stage.nodes.remove(leaver)
        await self._restart_proxies(stage, findings, leaver.name)
        await leaver.stop()
        stage.spare = leaver

    async def _restart_proxies(self, stage: Stage, findings: Findings, but: str = "") -> None:
        for proxy in stage.proxies:
            stage.configure(proxy)
            began = asyncio.get_running_loop().time()
            await proxy.stop()
            findings.struck(proxy.name, began)  # the other one takes what this one does not accept
            proxy.start()
            await stage.all_up(but)
