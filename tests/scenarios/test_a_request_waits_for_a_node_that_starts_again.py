"""While the last node is being started again its users wait for a moment, and see no error."""

import asyncio
from typing import Any

import pytest

from tests.examples.running import free_port
from tests.scenarios.harness import Recorder, eventually, running_proxy, service

PATIENT = {"ejection": {"failures": 1000}, "retries": {"wait": "60s"}}
HASTY = {"wait": "0s"}, {"tries": 1, "wait": "60s"}, {"budget": 0.0, "wait": "60s"}
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


async def test_many_wait_whatever_the_budget_for_retries_is() -> None:
    ports, node = [free_port()], Recorder()
    async with running_proxy({"app": service(ports, **PATIENT)}) as proxy:
        wires = [await proxy.connect() for _ in range(100)]
        answers = [asyncio.create_task(wire.exchange(REQUEST)) for wire in wires]
        await eventually(lambda: proxy.engine.services["app"].watcher.suspicious[0] >= len(wires))
        await node.start(ports[0])
        try:
            assert {head[:12] for head, _ in await asyncio.gather(*answers)} == {b"HTTP/1.1 200"}
        finally:
            await node.stop()
        assert len(node.requests) == len(wires)


@pytest.mark.parametrize("nodes", [1, 3])
async def test_it_is_sent_once_a_node_is_there(nodes: int) -> None:
    ports = [free_port() for _ in range(nodes)]
    node = Recorder()
    async with running_proxy({"app": service(ports, **PATIENT)}) as proxy:
        wire = await proxy.connect()
        answer = asyncio.create_task(wire.exchange(REQUEST))
        await eventually(lambda: proxy.engine.services["app"].watcher.suspicious[0] > 0)  # it has failed once
        assert not answer.done()
        await node.start(ports[0])
        try:
            head, body = await answer
        finally:
            await node.stop()
        assert (head[:12], body) == (b"HTTP/1.1 200", b"ok")
        assert [body for _, body in node.requests] == [b"hello"]


@pytest.mark.parametrize("retries", HASTY, ids=lambda retries: next(iter(retries)))
async def test_it_is_told_at_once_where_nothing_is_to_be_tried_again(retries: dict[str, Any]) -> None:
    async with running_proxy({"app": service([free_port()], retries=retries)}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(REQUEST)
        assert head[:12] == b"HTTP/1.1 503"
