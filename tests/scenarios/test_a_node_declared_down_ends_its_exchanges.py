"""A node that is declared down ends what waits there for an answer: repeated elsewhere, or 504."""

import asyncio
import time

from aiohttp import web

from control.probes import Outcome
from sessions.ids import new_id
from sessions.token import Sealer, Token
from tests.scenarios.harness import SECRET, app_node, named_node, running_proxy, service


def pinned(method: bytes) -> bytes:
    """A request of a user whose session is on node `a`."""
    now = int(time.time())
    token = Sealer([SECRET], "shop", ["a", "b"]).seal(Token(new_id(), 0, 0, now, now, False))
    head = b" / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\nCookie: limpet_shop="
    return method + head + token + b"\r\n\r\n"


async def answer_of_a_frozen_node(method: bytes) -> tuple[bytes, str]:
    """What a request is answered whose node freezes, and the fault in the log."""
    arrived, thawed = asyncio.Event(), asyncio.Event()

    async def freeze(request: web.Request) -> web.Response:
        arrived.set()
        await thawed.wait()
        return web.Response(text="late")

    frozen, well = app_node(freeze), named_node("well")
    await frozen.start()
    await well.start()
    async with running_proxy({"shop": service([frozen.port, well.port])}) as proxy:
        asking = asyncio.create_task(proxy.ask(pinned(method)))
        await asyncio.wait_for(arrived.wait(), 60)
        for _ in range(3):
            proxy.runtime.cluster.watches["shop"].probed(0, Outcome.FAILED, "no answer within 1 s")
        answer = await asyncio.wait_for(asking, 60)
        fault = proxy.records[-1].fault
        assert proxy.engine.services["shop"].inflight == [0, 0]
    thawed.set()
    await frozen.stop()
    await well.stop()
    return answer, fault


async def test_what_may_be_repeated_is_repeated_elsewhere() -> None:
    answer, fault = await answer_of_a_frozen_node(b"GET")
    assert answer.endswith(b"\r\n\r\nwell")
    assert fault == ""


async def test_what_may_not_be_repeated_is_504() -> None:
    answer, fault = await answer_of_a_frozen_node(b"POST")
    assert answer.startswith(b"HTTP/1.1 504 ")
    assert fault == "node_down"
