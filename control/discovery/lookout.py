"""Looks for one service's nodes again and again, and keeps the last that it found whatever happens."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from config.discovery_settings import Discover
from config.settings import Node
from control.discovery.file_source import LOOK_SECONDS
from control.discovery.pace import Pace
from control.discovery.source import DiscoveryError, Found, Source
from control.events import told

logger = logging.getLogger("limpet.discovery")

Changed = Callable[[], Awaitable[None]]


class Lookout:
    """`problem`: why nothing could be found out at the last look, or what of it could not be used.

    `tried`, `found`: unix seconds of the last look, and of the last that showed something; 0.0 for never.
    """

    def __init__(
        self, service: str, discover: Discover, source: Source, nodes: tuple[Node, ...] = ()
    ) -> None:
        """`nodes`: those that are known so far."""
        self.service = service
        self.discover = discover
        self.nodes = nodes
        self.problem = ""
        self.tried = self.found = 0.0
        self._source = source
        self._pace = Pace(discover.at_least, LOOK_SECONDS if discover.files else discover.at_most)
        self._task: asyncio.Task[None] | None = None
        self._wait = 0.0

    def start(self, changed: Changed) -> None:
        """Look again whenever it is time. `changed` is awaited when there are other nodes than before."""
        self._task = asyncio.create_task(self._keep_looking(changed))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def insist(self) -> None:
        """Look until there is a node."""
        while not self.nodes:
            await asyncio.sleep(self._wait)
            await self.look()

    async def look(self) -> bool:
        """Whether there are other nodes than before."""
        self.tried = time.time()
        try:
            found = await self._source.look()
        except DiscoveryError as error:
            self._wait = self._pace.failed()
            self._complain(str(error))
            return False
        self._wait = self._pace.found(found.ttl)
        return self._take(found)

    # Private

    async def _keep_looking(self, changed: Changed) -> None:
        others = False  # that nobody has been told of
        while True:
            await asyncio.sleep(self._wait)
            try:
                others = await self.look() or others
                if others:
                    await changed()
                others = False
            except Exception:  # a task's boundary
                logger.exception("looking for the nodes of %s broke", self.service)
                self._wait = self._pace.failed()

    def _take(self, found: Found) -> bool:
        self.found = self.tried
        if found.problems:
            self._complain("; ".join(found.problems))
        elif self.problem:
            self.problem = ""
            self._say(logging.INFO, f"{self.discover} can be looked at again")
        if found.nodes == self.nodes:
            return False
        self._say(logging.INFO, _difference(self.nodes, found.nodes))
        self.nodes = found.nodes
        return True

    def _complain(self, problem: str) -> None:
        """Once: it may stay like this for long, in many words."""
        first, self.problem = not self.problem, problem
        if first:
            known = (
                f"keeping the {len(self.nodes)} nodes that were found" if self.nodes else "none is known yet"
            )
            self._say(logging.WARNING, f"{self.discover}: {problem}; {known}")

    def _say(self, level: int, text: str) -> None:
        extra = told("discovery", self.service, "", f"{self.service}: {text}")
        logger.log(level, "discovery: service=%s %s", self.service, text, extra=extra)


def _difference(before: tuple[Node, ...], after: tuple[Node, ...]) -> str:
    """`nodes found: +a -b ~c`: new ones, those that are gone, and those that are otherwise."""
    was, will = {node.name: node for node in before}, {node.name: node for node in after}
    marks = [
        *(f"+{name}" for name in will.keys() - was.keys()),
        *(f"-{name}" for name in was.keys() - will.keys()),
        *(f"~{name}" for name in was.keys() & will.keys() if was[name] != will[name]),
    ]
    return f"nodes found: {' '.join(sorted(marks))}"
