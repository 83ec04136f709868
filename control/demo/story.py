"""The demo without a terminal: visits, a crash, the node back; it fails if anything is not as told."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import aiohttp
from rich.console import Console
from rich.text import Text

from control.demo.stage import COLOURS, Now, Stage

NAMES = ("ann", "ben", "cleo", "dan", "eva", "finn")
WAIT_SECONDS = 15.0
POLL_SECONDS = 0.1


class Visitor:
    """A browser: its own cookies, and an address of its own where the machine has several."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.seen: list[tuple[str, int, int]] = []  # node, and visits that it and the session remember
        # Limpet sends newcomers of one address to one node for two seconds; Linux owns all of 127/8.
        address = (f"127.0.1.{number + 1}", 0) if sys.platform == "linux" else None
        self.browser = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=address),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def visit(self, stage: Stage) -> None:
        async with self.browser.post(stage.url + "/visit") as answer:
            answer.raise_for_status()
            page = await answer.json()
        self.seen.append((page["node"], page["remembered"], page["visits"]))

    @property
    def node(self) -> str:
        return self.seen[-1][0]

    @property
    def remembered(self) -> int:
        return self.seen[-1][1]

    @property
    def visits(self) -> int:
        return self.seen[-1][2]


class Story:
    """One round; `failures` holds what was not as it should be."""

    def __init__(self, stage: Stage, console: Console, visitors: Sequence[Visitor]) -> None:
        self.failures: list[str] = []
        self._stage = stage
        self._console = console
        self._visitors = visitors

    async def tell(self) -> None:
        await self._everybody_visits(3)
        self._show("Three visits each: everybody stays on their node.")
        self._check(
            all(visitor.seen == [(visitor.node, n, n) for n in (1, 2, 3)] for visitor in self._visitors),
            "everybody stays on their node",
        )
        victim = self._visitors[0].node
        hit = [visitor for visitor in self._visitors if visitor.node == victim]
        others = [visitor for visitor in self._visitors if visitor.node != victim]
        await self._crash(victim, hit, others)
        await self._return(victim)

    async def _crash(self, victim: str, hit: Sequence[Visitor], others: Sequence[Visitor]) -> None:
        await self._stage.kill(victim)
        await self._everybody_visits(1)
        self._show(f"kill -9 {victim}, and another visit each: nobody begins again.")
        self._check(
            all(visitor.node != victim and visitor.visits == 4 for visitor in hit),
            f"whoever was on {victim} goes on elsewhere with their session",
        )
        self._check(
            all(visitor.remembered == 1 for visitor in hit), f"what {victim} kept in its memory is gone"
        )
        self._check(
            all((visitor.remembered, visitor.visits) == (4, 4) for visitor in others), "nobody else notices"
        )
        await self._until(lambda now: now.moved == len(hit), f"Limpet counts {len(hit)} sessions moved")
        self._check(self._stage.now.lost == 0, "no session is lost")
        self._console.print(
            f"   Sessions that came along: [b]{len(hit)}[/b], from their copies on other nodes. "
            f"Lost: [b]0[/b], limpet_sessions_lost_total {self._stage.now.lost}."
        )
        self._console.print(
            f"   In {victim}'s own memory their visits are gone: affinity alone would have lost them."
        )
        await self._until(lambda now: state_of(now, victim) == "down", f"Limpet sees {victim} down")

    async def _return(self, victim: str) -> None:
        before = [(visitor.node, visitor.visits) for visitor in self._visitors]
        await self._stage.start(victim)
        await self._until(lambda now: state_of(now, victim) == "up", f"Limpet sees {victim} up")
        await self._everybody_visits(1)
        self._show(f"{victim} is back, and another visit each: nobody is moved a second time.")
        after = [(visitor.node, visitor.visits - 1) for visitor in self._visitors]
        self._check(after == before, "nobody is moved a second time")

    async def _everybody_visits(self, times: int) -> None:
        for _ in range(times):
            for visitor in self._visitors:
                await visitor.visit(self._stage)

    def _show(self, title: str) -> None:
        self._console.print(f"\n[b]{title}[/b]")
        line = Text("  ")
        for visitor in self._visitors:
            line.append(f" {visitor.name} ")
            line.append(f"● {visitor.node}", style=COLOURS[visitor.node])
            line.append(f" {visitor.visits}  ")
        self._console.print(line)

    def _check(self, true: bool, claim: str) -> None:
        if not true:
            self.failures.append(claim)

    async def _until(self, condition: Callable[[Now], bool], claim: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_SECONDS
        while not condition(self._stage.now):
            if loop.time() > deadline:
                self.failures.append(claim)
                return
            await asyncio.sleep(POLL_SECONDS)


def state_of(now: Now, name: str) -> str:
    """A node's state in Limpet's words."""
    return next((node.state for node in now.nodes if node.name == name), "?")


async def tell_story(stage: Stage, console: Console) -> bool:
    """Plays one round and prints it; True when everything was as told."""
    async with AsyncExitStack() as stack:
        visitors = [Visitor(name, number) for number, name in enumerate(NAMES)]
        for visitor in visitors:
            await stack.enter_async_context(visitor.browser)
        story = Story(stage, console, visitors)
        await story.tell()
    if not story.failures:
        console.print("\nAll as told. In a terminal, keys kill the nodes and bring them back.")
    for claim in story.failures:
        console.print(f"[red]not so: {claim}[/red]")
    return not story.failures
