"""What is over is gone: nothing of a request waits for Python's collector."""

import asyncio
import base64
import gc
import json
from typing import Any

from proxy.exchange import Exchange
from routing.states import Mode
from sessions.keeping.runs import SettleRun
from tests.scenarios.harness import (
    RawNode,
    cookie_of,
    eventually,
    header,
    read_request,
    running_proxy,
    service,
    started,
)

KEY = "a-key-for-the-nodes-long-enough"
STATE = b"Limpet-State: " + base64.b64encode(b"{}") + b"\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A node whose app writes with each request, and that takes every copy."""
    while True:
        head, body = await read_request(reader)
        if head.startswith(b"POST /.limpet/"):
            ids = [json.loads(line)["id"] for line in body.splitlines()]
            lines = b"".join(b'{"id":"%b","status":204}\n' % one.encode() for one in ids)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(lines), lines))
        else:
            version = b"Limpet-Version: %d\r\n" % (int(header(head, b"Limpet-Version")[0]) + 2)
            writer.write(b"HTTP/1.1 200 OK\r\n%b%bContent-Length: 2\r\n\r\nok" % (version, STATE))


def there() -> set[object]:
    return {one for one in gc.get_objects() if isinstance(one, Exchange | SettleRun)}


async def test_a_refused_request_leaves_nothing_behind() -> None:
    node = RawNode(_answer)
    await node.start()
    await node.stop()
    async with running_proxy({"app": service([node.port])}) as proxy:
        proxy.runtime.cluster.watches["app"].set_mode(0, Mode.MAINT)
        wire = await proxy.connect()
        gc.collect()
        before = there()
        for _ in range(3):
            head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
        assert {record.fault for record in proxy.records} == {"no_node"}
        gc.collect()
        assert there() <= before


async def test_a_write_leaves_nothing_behind() -> None:
    nodes = [RawNode(_answer), RawNode(_answer)]
    async with started(*nodes):
        kept = service([node.port for node in nodes], sessions={"strategy": "replication"})
        await writes_leave_nothing(kept)


async def writes_leave_nothing(kept: dict[str, Any]) -> None:
    async with running_proxy({"app": kept}, node_keys=[KEY]) as proxy:
        wire = await proxy.connect()
        gc.collect()
        before = there()  # what tests before this one have left in their frames
        gc.disable()
        try:
            cookie = b""
            for _ in range(3):
                request = b"GET / HTTP/1.1\r\nHost: x\r\nCookie: %b\r\n\r\n" % cookie
                head, _ = await wire.exchange(request)
                cookie = cookie_of(head)
                assert cookie
            keeper = proxy.engine.services["app"].keeper
            assert keeper is not None
            assert sum(keeper.counters.writes) == 3
            await eventually(lambda: there() <= before)
        finally:
            gc.enable()
