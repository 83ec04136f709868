"""What a proxy can say to the nodes and to the store."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any, NamedTuple

from limpet_session.endpoint import Call as EndpointCall
from routing.ring import Ring
from sessions.contract.homes import Entry
from sessions.contract.messages import STORE, Action, Answer
from sessions.contract.reconciling import Page
from sessions.keeping.lines import read_list
from tests.model.network import Network, Refused
from tests.model.store import Store
from tests.model.wire import to_answer, to_call

PEER_TIMEOUT = 0.3


class Setup(NamedTuple):
    """What the two proxies of a run have in common."""

    nodes: int
    replicas: int  # 0: strategy `store`
    store: bool
    give_up: float  # seconds
    sticky: bool = True
    overwrite: bool = False  # on_conflict: last
    max_lag: float = 0.0  # seconds, of ack: async
    rebalance: bool = False
    mortal: bool = False  # proxies are killed, too


class Links:
    """One proxy's ways to everybody else."""

    def __init__(self, index: int, setup: Setup, network: Network, store: Store, random: Random) -> None:
        self.index = index
        self.setup = setup
        self.network = network
        self.store = store
        self.random = random
        self.ring = Ring({f"n{i}": 1 for i in range(setup.nodes)}, 40)
        self.dead = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do it besides everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cut(self) -> None:
        """This proxy is no more."""
        self.dead = True
        for task in self._tasks:
            task.cancel()

    async def call(
        self, session_id: str, action: Action, seconds: float, base: int = -1, writer: str = ""
    ) -> Answer | None:
        """One call to a node or the store; None for silence."""
        if self.dead:
            await asyncio.sleep(1e6)
        if action.target == STORE:
            await asyncio.sleep(self.random.random() * 0.004)
            if self.store.down:
                await asyncio.sleep(seconds)
                return None
            answer = self.store.run(session_id, action, base, writer)
            await asyncio.sleep(self.random.random() * 0.004)
            return answer
        try:
            call = to_call(session_id, action)
            reply = await self.network.send(
                self.index, action.target, seconds, lambda machine: machine.call(call)
            )
        except Refused:
            return None
        return None if reply is None else to_answer(session_id, action, reply)

    async def page(self, page: Page) -> list[Entry] | None:
        """A page of a node's list; None for silence."""
        call = EndpointCall("GET", "/", f"after={page.after}".encode() if page.after else b"", {}, b"")
        try:
            reply = await self.network.send(self.index, page.node, PEER_TIMEOUT, lambda m: m.call(call))
        except Refused:
            return None
        return None if reply is None else read_list(reply.body)
