"""Schedules made by hand, as in `schedules`: of two proxies that disagree, or do the same at once."""

import asyncio
from typing import Any

from limpet_session.session import Session
from sessions.contract.messages import Action, Answer, Call
from tests.model.links import Setup
from tests.model.proxy import Proxy, Response, Token
from tests.model.stage import Stage, writing
from tests.model.watch import Level

FOUR = Setup(nodes=4, replicas=1, store=False, give_up=20.0)


async def a_write_comes_to_who_was_overtaken() -> list[str]:
    """One proxy is cut off from a node, and its session goes on elsewhere. The other still sends there."""
    stage = Stage(FOUR)
    old = await stage.write("j", None)
    stage.network.cuts.add((0, old.node))
    await stage.until_seen(0, old.node, Level.DOWN)
    token = await stage.write("k", old)
    acknowledged = {"j", "k"}
    if (await stage.send(writing("l"), old, proxy=1)).status == 200:
        acknowledged.add("l")
    return stage.missing(acknowledged, (await stage.read(token)).seen)


async def a_takeover_comes_after_anothers() -> list[str]:
    """Two proxies disagree about the heir. A login with the first one's takeover is late on its way there."""
    stage = Stage(FOUR)
    old = await stage.write("j", None)
    heir = next(node for node in stage.order(old) if node != old.node)
    for proxy in stage.proxies:
        proxy.watch.set_level(old.node, Level.DRAIN)
    stage.proxies[1].watch.set_level(heir, Level.SYNCING)
    sent, late, serve = asyncio.Event(), asyncio.Event(), stage.machines[heir].serve

    async def serve_late(*request: Any) -> Any:
        sent.set()
        await late.wait()
        return await serve(*request)

    stage.machines[heir].serve = serve_late  # type: ignore[method-assign] - it stands before the node
    login = asyncio.ensure_future(stage.send(Session.renew, old))
    await sent.wait()
    await stage.write("k", old, proxy=1)
    late.set()
    response = await login
    return stage.missing({"j", "k"}, response.seen) if response.status == 200 else []


class Gate:
    """Before one proxy's fences: those to the nodes in `held` wait here. `draw`: for their numbers."""

    def __init__(self, proxy: Proxy, draw: int, held: set[int]) -> None:
        self.held = held
        self.came = self.passed = 0  # fences that have been sent, and those that were answered
        self._call = proxy.links.call
        proxy.links.call = self._send  # type: ignore[method-assign] - it stands before the proxy's calls
        proxy.keeper.takeovers._draw = lambda: draw

    async def _send(
        self, session_id: str, action: Action, seconds: float, base: int = -1, writer: str = ""
    ) -> Answer | None:
        if action.call is not Call.FENCE:
            return await self._call(session_id, action, seconds, base, writer)
        self.came += 1
        while action.target in self.held:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.001)
        answer = await self._call(session_id, action, seconds, base, writer)
        self.passed += 1
        return answer


async def two_proxies_take_a_session_over_at_once() -> list[str]:
    """Its node drains. They disagree about who else is ready, and so about the heir.

    One has asked everybody, and then another write is acknowledged. Its fences come after those of the other,
    whose number is higher, to all but its own heir. What that refuses has the write.
    """
    stage = Stage(FOUR)
    old = await stage.write("j", None)
    copy, heir, _ = [node for node in stage.order(old) if node != old.node]
    late, first = Gate(stage.proxies[0], 0, {old.node, copy, heir}), Gate(stage.proxies[1], 1, {heir})
    for node in (old.node, copy):
        stage.proxies[0].watch.set_level(node, Level.SYNCING)
    reading = asyncio.ensure_future(stage.read(old))
    await stage.until(lambda: late.came > 0)
    token = await stage.write("k", old, proxy=1)
    stage.proxies[1].watch.set_level(old.node, Level.SYNCING)
    again = asyncio.ensure_future(stage.read(token, proxy=1))
    await stage.until(lambda: first.passed >= 2)
    late.held = set()
    await reading
    first.held = set()
    return stage.missing({"j", "k"}, (await again).seen)


async def a_write_is_under_way_as_its_node_drains() -> list[str]:
    """One proxy knows of the drain, and takes the session over; the other one's write has begun before."""
    stage = Stage(FOUR)
    token = await stage.write("j", None)
    return await _drained_beside_a_write(stage, token)


async def its_copy_is_slow_on_its_way() -> list[str]:
    """The same, and whoever takes the session over could be done before the copy is made."""
    stage = Stage(FOUR)
    token = await stage.write("j", None)
    call = stage.proxies[1].links.call

    async def late(session_id: str, action: Action, *others: Any) -> Answer | None:
        await asyncio.sleep(0.03 if action.call is Call.PUT else 0.0)
        return await call(session_id, action, *others)

    stage.proxies[1].links.call = late  # type: ignore[method-assign] - it stands before this one's calls
    return await _drained_beside_a_write(stage, token)


async def a_rival_has_taken_a_session_over() -> list[str]:
    """Its node drains. One proxy has seen that nobody serves it, and fences when the heir of both does."""
    stage = Stage(FOUR)
    token = await stage.write("j", None)
    late = Gate(stage.proxies[0], 4095, set(range(FOUR.nodes)))
    Gate(stage.proxies[1], 0, set())
    for proxy in stage.proxies:
        proxy.watch.set_level(token.node, Level.DRAIN)
    reading = asyncio.ensure_future(stage.read(token))
    await stage.until(lambda: late.came > 0)
    writing_on = await _slow_write(stage, token, proxy=1)
    late.held = set()
    await reading
    return _refused(await writing_on)


async def _drained_beside_a_write(stage: Stage, token: Token) -> list[str]:
    """The first proxy takes the session over while the second one's write is under way."""
    writing_on = await _slow_write(stage, token, proxy=1)
    stage.proxies[0].watch.set_level(token.node, Level.DRAIN)
    await stage.read(token)
    return _refused(await writing_on)


async def _slow_write(stage: Stage, token: Token, proxy: int) -> "asyncio.Future[Response]":
    """A write that has begun, and is done within the time that a fence gives it."""
    begun = asyncio.Event()

    async def write(session: Session) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        session["k"] = 1

    writing_on = asyncio.ensure_future(stage.send(write, token, proxy))
    await begun.wait()
    return writing_on


def _refused(response: Response) -> list[str]:
    return [] if response.status == 200 else ["a write was refused that is part of what was taken over"]
