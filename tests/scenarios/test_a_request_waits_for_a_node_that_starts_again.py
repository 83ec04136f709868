"""While the last node is being started again its users wait for a moment, and see no error."""

import asyncio

import pytest

from tests.scenarios.harness import Recorder, eventually, running_proxy, service
from tests.scenarios.test_a_request_is_tried_again_only_where_that_is_safe import closed_port

PATIENT = {"ejection": {"failures": 1000}, "retries": {"budget": 1.0, "wait": "60s"}}
HASTY = {"ejection": {"failures": 1000}, "retries": {"budget": 1.0, "wait": "0s"}}
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("nodes", [1, 3])
async def test_it_is_sent_once_a_node_is_there(nodes: int) -> None:
    ports = [await closed_port() for _ in range(nodes)]
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


async def test_it_is_told_when_that_takes_too_long() -> None:
    async with running_proxy({"app": service([await closed_port()], **HASTY)}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(REQUEST)
        assert head[:12] == b"HTTP/1.1 503"
