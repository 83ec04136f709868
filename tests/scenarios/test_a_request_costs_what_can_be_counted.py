"""What can be counted of a request's cost has a bound: Python's calls, and what is left in memory."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType

from proxy.client import Client
from proxy.exchange import Exchange
from proxy.memory import Memory
from sessions.contract.settling import Settled
from tests.scenarios.harness import (
    RawNode,
    RunningProxy,
    cookie_of,
    eventually,
    header,
    ok,
    proxied,
    read_request,
    running_proxy,
    service,
    started,
)

ROOT = Path(__file__).parent.parent.parent
OURS = tuple(str(ROOT / package) + "/" for package in ("proxy", "routing", "sessions"))
TURNS = 100
KEPT_CALLS = 52  # for a request on a connection that is kept, where the head is known
NEW_CALLS = 78  # for one on a connection of its own with a head that others had
STRANGE_CALLS = 67  # for one on a connection that is kept, whose head is like no other
READ_CALLS = 84  # for one of a session that is kept in copies
WRITE_CALLS = 196  # for one that writes it: until its copy has been made, and with its next token
KEY = "a-key-for-the-nodes-long-enough"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(ok())


async def _keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A node whose app writes where it is asked to, and that takes every copy."""
    while True:
        head, body = await read_request(reader)
        if head.startswith(b"POST /.limpet/"):
            ids = [json.loads(line)["id"] for line in body.splitlines()]
            writer.write(ok(b"".join(b'{"id":"%b","status":204}\n' % one.encode() for one in ids)))
            continue
        version = max(int(header(head, b"Limpet-Version")[0]), 1)
        if head.startswith(b"GET /write "):
            lines = b"Limpet-Version: %d\r\nLimpet-State: e30=\r\n" % (version + 1)
        else:
            lines = b"Limpet-Version: %d\r\n" % version
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%b\r\nok" % lines)


def request(cookie: bytes, *fields: bytes) -> bytes:
    lines = (b"GET /page HTTP/1.1", b"Host: x", b"Accept: */*", b"Cookie: " + cookie, *fields, b"", b"")
    return b"\r\n".join(lines)


async def known_cookie(proxy: RunningProxy) -> bytes:
    proxy.engine.log = None
    wire = await proxy.connect()
    head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return cookie_of(head)


async def calls(once: Callable[[int], Awaitable[object]]) -> float:
    """Python's calls of functions in our packages for each turn; none where these are compiled."""
    counted = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal counted
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            counted += 1

    for turn in range(3):
        await once(turn)
    sys.setprofile(count)
    try:
        for turn in range(3, 3 + TURNS):
            await once(turn)
    finally:
        sys.setprofile(None)
    return counted / TURNS


async def test_a_request_on_a_connection_that_is_kept_takes_few_calls() -> None:
    async with proxied(RawNode(_answer)) as proxy:
        data = request(await known_cookie(proxy))
        wire = await proxy.connect()
        assert await calls(lambda _: wire.exchange(data)) <= KEPT_CALLS


async def test_a_head_like_no_other_takes_few_more() -> None:
    async with proxied(RawNode(_answer)) as proxy:
        cookie = await known_cookie(proxy)
        wire = await proxy.connect()
        made = await calls(lambda turn: wire.exchange(request(cookie, b"X-Turn: %d" % turn)))
        assert made <= STRANGE_CALLS


async def test_a_new_connection_with_a_head_that_others_had_takes_few_more() -> None:
    async with proxied(RawNode(_answer)) as proxy:
        data = request(await known_cookie(proxy), b"Connection: close")
        assert await calls(lambda _: proxy.ask(data)) <= NEW_CALLS


async def test_a_session_that_is_kept_takes_few_more() -> None:
    nodes = [RawNode(_keep), RawNode(_keep)]
    cookie = b""
    async with started(*nodes):
        kept = service([node.port for node in nodes], sessions={"strategy": "replication"})
        async with running_proxy({"app": kept}, node_keys=[KEY]) as proxy:
            proxy.engine.log = None
            wire = await proxy.connect()

            async def ask(path: bytes) -> None:
                nonlocal cookie
                head, _ = await wire.exchange(request(cookie).replace(b"/page", path))
                assert head.startswith(b"HTTP/1.1 200 ")
                cookie = cookie_of(head) if b"Set-Cookie" in head else cookie

            await ask(b"/write")
            assert await calls(lambda _: ask(b"/read")) <= READ_CALLS
            assert await calls(lambda _: ask(b"/write")) <= WRITE_CALLS
            keeper = proxy.engine.services["app"].keeper
            assert keeper is not None
            assert keeper.counters.writes[Settled.SETTLED] == TURNS + 4


async def test_a_thousand_requests_leave_nothing_in_memory() -> None:
    async with proxied(RawNode(_answer)) as proxy:
        data = request(await known_cookie(proxy))
        wire = await proxy.connect()

        async def many(count: int) -> tuple[int, int]:
            for _ in range(count):
                await wire.exchange(data)
            gc.collect()
            return sys.getallocatedblocks(), len(gc.get_objects())

        await many(200)
        blocks, objects = await many(50)
        more_blocks, more_objects = await many(1000)
        assert more_blocks - blocks < 200
        assert more_objects - objects < 50


async def test_new_connections_leave_nothing_in_memory() -> None:
    async with proxied(RawNode(_answer)) as proxy:
        data = request(await known_cookie(proxy), b"Connection: close")

        async def many(count: int) -> int:
            for _ in range(count):
                await proxy.ask(data)
            await eventually(lambda: len(proxy.engine.clients) <= 1)  # who got the cookie
            gc.collect()
            return sum(isinstance(one, Client | Exchange | Memory) for one in gc.get_objects())

        first = await many(20)
        assert await many(200) - first < 5
