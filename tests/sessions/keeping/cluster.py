"""Nodes in processes of their own, and a proxy of a few lines that does what a keeper says."""

import asyncio
import signal
import subprocess
import sys
from ast import literal_eval
from collections.abc import Callable
from typing import NamedTuple

import aiohttp

from sessions.contract.course import Do, Keep, Step, Terms, Why
from sessions.contract.headers import Need, read_told
from sessions.contract.messages import STORE
from sessions.contract.searching import Around
from sessions.ids import new_id
from sessions.keeper import Keeper
from sessions.keeping.kept import KeptCourse
from sessions.keeping.options import KeepingOptions
from sessions.keeping.targets import StoreTarget, Targets
from sessions.peers import Peer
from sessions.stores.store import Store
from tests.sessions.keeping import node

KEY = node.KEY.encode()
TTL = 1800
MOST_STATE = 1 << 20
PATIENCE = 60.0


class NodeProcess:
    """One node. It restarts on the same port, and has forgotten everything then."""

    def __init__(self, path: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", node.__name__, path], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        self.port = 0 if path else int(said)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Token(NamedTuple):
    """What a client's cookie says."""

    id: str
    node: int
    version: int
    unprotected: bool = False


class Response(NamedTuple):
    status: int
    token: Token | None  # None: it is to be forgotten, or was never set
    seen: dict[str, int]
    why: Why | None = None


class Proxy:
    """One proxy in front of the nodes. `down`, `given_up`, `leaving`: what it believes of them."""

    def __init__(
        self,
        ports: list[int],
        *,
        replicas: int = 1,
        store: Store | None = None,
        terms: Terms | None = None,
        ack_timeout: float = 2.0,
        max_lag: float = 0.0,
        call_timeout: float = 1.0,
        peer_timeout: float = 1.0,
    ) -> None:
        self.ports = ports
        self.down: set[int] = set()
        self.given_up: set[int] = set()
        self.draining: set[int] = set()
        self.keep_store = StoreTarget(store) if store else None
        self.peers = [
            Peer(
                f"n{port}",
                f"http://127.0.0.1:{port}",
                KEY,
                timeout_seconds=peer_timeout,
                ack_timeout_seconds=ack_timeout,
            )
            for port in ports
        ]
        options = KeepingOptions(
            terms or Terms(KEY, TTL, MOST_STATE),
            len(ports),
            replicas,
            store is not None,
            ack_timeout,
            max_lag,
            call_timeout,
        )
        names = [peer.name for peer in self.peers]
        self.keeper = Keeper(options, Targets(self.peers, names, self.keep_store, TTL), self.around)
        self._client = aiohttp.ClientSession()

    def around(self, session_id: str, choice: int) -> Around:
        """The order is that of the nodes' indices, for every session."""
        order = tuple(range(len(self.ports)))
        up = frozenset(order) - self.down
        ready = up - self.draining
        heir = choice if choice in ready else min(ready, default=-1)
        return Around(order, up | {STORE} if self.keep_store else up, ready, frozenset(self.given_up), heir)

    async def request(self, query: str = "", token: Token | None = None, to: int = -1) -> Response:
        """One request; `to`: the router's choice, else the token's node while that is up, else the first."""
        exchange = Exchange(self, query, token)
        return await exchange.run(to)

    async def close(self) -> None:
        self.keeper.close()
        for peer in self.peers:
            await peer.close(1.0)
        if self.keep_store:
            await self.keep_store.close()
        await self._client.close()

    async def send(
        self, port: int, fields: bytes, query: str
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """To a node's app."""
        headers = [line.split(": ", 1) for line in fields.decode().split("\r\n")[:-1]]
        url = f"http://127.0.0.1:{port}/?{query}"
        async with self._client.get(url, headers=dict(headers)) as answer:
            return answer.status, [*answer.raw_headers], await answer.read()


class Exchange:
    """A request and its answer, as the byte path carries them out."""

    def __init__(self, proxy: Proxy, query: str, token: Token | None) -> None:
        self.proxy = proxy
        self.token = token
        self.course = self._course(proxy, token)
        self._query = query
        self._seen: dict[str, int] = {}

    @staticmethod
    def _course(proxy: Proxy, token: Token | None) -> KeptCourse:
        if token is None:
            return proxy.keeper.course(0, False, new_id(), True)
        return proxy.keeper.course(token.version, token.unprotected, token.id, False, token.node)

    async def run(self, to: int) -> Response:
        ready = self.proxy.around("", -1).ready
        pinned = self.token is not None and self.token.node in ready and to < 0
        chosen = self.token.node if self.token is not None and pinned else max(to, min(ready))
        step = self.course.begin(chosen, self.token is None or pinned)
        try:
            while step.do not in (Do.RELEASE, Do.REFUSE) or not self._performed(step):
                step = await self._do(step)
        finally:
            self.proxy.keeper.arrived(self.course, False)
        return self._answer(step)

    async def _do(self, step: Step) -> Step:
        if step.do is Do.RENAME:
            self.token = None
            return self.course.renamed(new_id(), self.proxy.around("", -1).heir)
        if step.do is not Do.SEND:
            return await self.perform(step)
        try:
            port = self.proxy.ports[step.node]
            status, headers, body = await self.proxy.send(port, self.course.fields(), self._query)
        except aiohttp.ClientError:
            self.proxy.keeper.arrived(self.course, False)
            left = self.proxy.around("", -1).ready - {step.node}
            return self.course.moved(self.token.id if self.token is not None else new_id(), min(left))
        told = read_told(headers)
        self.proxy.keeper.arrived(self.course, told.need is Need.NOTHING)
        self._seen = literal_eval(body.decode()) if status == 200 else {}
        return self.course.told(status, told)

    async def perform(self, step: Step) -> Step:
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self.proxy.keeper.perform(self.course, step, done.set_result)
        following = await asyncio.wait_for(done, PATIENCE)
        self._last = following
        return following

    _last: Step | None = None

    def _performed(self, step: Step) -> bool:
        return step.do is Do.RELEASE or step is self._last

    def _answer(self, step: Step) -> Response:
        token = Token(step.session_id, step.node, step.version, step.unprotected)
        if step.do is Do.REFUSE:
            return Response(step.status, token if step.keep is Keep.TOKEN else self.token, {}, step.why)
        kept = {Keep.NONE: self.token, Keep.DELETE: None}.get(step.keep, token)
        return Response(200, kept, self._seen)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it, a bounded time."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.005)
