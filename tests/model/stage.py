"""A cluster to which nothing happens but what a test does to it: one client, two proxies, and a seed."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from limpet_session.session import Session
from sessions.contract.course import Keep
from tests.model.clients import _read
from tests.model.links import Setup
from tests.model.network import Machine, Network, Op
from tests.model.proxy import Proxy, Response, Token
from tests.model.store import Store
from tests.model.watch import Level

PATIENCE = 30.0  # seconds of the computed clock


class Stage:
    """The nodes are `machines[i]`; nothing is reconciled unless that is asked for."""

    def __init__(self, setup: Setup, seed: int = 1, reconciling: bool = False) -> None:
        self.random = Random(seed)
        self.machines = [Machine(i, self.random) for i in range(setup.nodes)]
        self.network, self.store = Network(self.machines, self.random), Store()
        self.proxies = [Proxy(i, setup, self.network, self.store, self.random) for i in range(2)]
        for proxy in self.proxies:
            proxy.watch.reconciling = reconciling

    def restart(self, node: int) -> None:
        """It ends, and is there again with nothing, before anybody notices."""
        self.machines[node].kill()
        self.machines[node].start()

    @staticmethod
    def missing(acknowledged: set[str], seen: dict[str, Any]) -> list[str]:
        """What is wrong with an answer."""
        return [f"{key} was acknowledged, and is not there" for key in sorted(acknowledged - seen.keys())]

    def order(self, token: Token) -> list[int]:
        """All nodes as the session prefers them."""
        return list(self.proxies[0].links.ring.order(token.id))

    @staticmethod
    async def until(condition: Callable[[], bool]) -> None:
        """Until this is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - nothing says when
                await asyncio.sleep(0.001)

    async def until_seen(self, proxy: int, node: int, level: Level) -> None:
        """Until this proxy has noticed."""
        await self.until(lambda: self.proxies[proxy].watch.levels[node] == level)

    def come_back(self, proxy: int, node: int) -> None:
        """Let this node take requests, as after a pass that has found nothing to tell it."""
        self.proxies[proxy].watch.set_level(node, Level.UP)

    async def send(self, op: Op, token: Token | None, proxy: int = 0, repeatable: bool = False) -> Response:
        """One request."""
        return await self.proxies[proxy].request(token, op, repeatable)

    async def read(self, token: Token, proxy: int = 0) -> Response:
        """One that changes nothing, sent until it is answered."""
        return await self._persist(_read, token, proxy)

    async def write(self, key: str, token: Token | None, proxy: int = 0) -> Token:
        """An acknowledged write: the token that came with it."""
        response = await self._persist(writing(key), token, proxy)
        assert response.token is not None
        return response.token

    async def ended_but_for_a_copy(self) -> tuple[Token, tuple[int, int]]:
        """A session that has ended, of which a copy is left further on: made while the first in order was
        silent to proxy 0. Its last token, and those two, as the network cuts them."""
        token = await self.write("j", None)
        silent = (0, next(node for node in self.order(token) if node != token.node))
        self.network.cuts.add(silent)
        token = await self.write("k", token)
        self.network.cuts.discard(silent)
        self.come_back(*silent)
        assert (await self.send(Session.end, token)).keep is Keep.DELETE
        return token, silent

    async def _persist(self, op: Op, token: Token | None, proxy: int) -> Response:
        async with asyncio.timeout(PATIENCE):
            while (response := await self.send(op, token, proxy)).status != 200:
                if response.keep is Keep.TOKEN:
                    token = response.token
                await asyncio.sleep(0.2)
        return response


def writing(key: str) -> Op:
    """What an app does that puts a key in."""

    def op(session: Session) -> None:
        session[key] = 1

    return op
