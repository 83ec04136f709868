"""Tried again on another node: anything that was never sent, and what may be done twice."""

import asyncio
from typing import Any

import pytest

from tests.examples.running import free_port
from tests.scenarios.harness import (
    RawNode,
    Recorder,
    eventually,
    header,
    ok,
    read_request,
    running_proxy,
    started,
)
from tests.scenarios.harness import service as any_service

METHODS = [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"POST", b"PATCH", b"QUERYX"]
IDEMPOTENT = (b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS")
BODY = b"x" * 1000


def service(ports: list[int], **options: Any) -> dict[str, Any]:
    """Each request by itself, on any node; none is ejected for what it does here."""
    given = {"affinity": {"mode": "none"}, "ejection": {"failures": 1000}, "retries": {"budget": 1.0}}
    return any_service(ports, **(given | options))


def request(method: bytes, body: bytes = b"") -> bytes:
    return b"%b / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (method, len(body), body)


class Closer(RawNode):
    """Takes a request whole, and closes without a word."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.taken = 0

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        self.taken += 1


@pytest.mark.parametrize("method", METHODS)
async def test_what_was_never_sent_goes_to_another_node(method: bytes) -> None:
    node = Recorder()
    async with started(node):
        ports = [free_port(), free_port(), node.port]
        app = service(ports)
        async with running_proxy({"app": app}) as proxy:
            wire = await proxy.connect()
            for _ in range(5):
                head, body = await wire.exchange(request(method, BODY))
                assert (head[:12], body) == (b"HTTP/1.1 200", b"" if method == b"HEAD" else b"ok")
            assert [body for _, body in node.requests] == [BODY] * 5
            assert all(record.tries <= 3 for record in proxy.records)


@pytest.mark.parametrize("method", METHODS)
async def test_what_was_sent_is_repeated_if_it_may_be(method: bytes) -> None:
    closers, node = [Closer(), Closer()], Recorder()
    async with started(*closers, node):
        app = service([closers[0].port, closers[1].port, node.port])
        async with running_proxy({"app": app}) as proxy:
            for count in range(1, 16):  # so many that one of them goes to a closer first
                wire = await proxy.connect()
                head, _ = await wire.exchange(request(method, BODY))
                handled = closers[0].taken + closers[1].taken + len(node.requests)
                if method in IDEMPOTENT:
                    assert head.startswith(b"HTTP/1.1 200 ")
                else:
                    assert handled == count  # each went to one node, once
            assert closers[0].taken + closers[1].taken > 0


async def test_no_node_is_tried_twice_for_one_request() -> None:
    closers = [Closer(), Closer()]
    async with started(*closers):
        app = service([closer.port for closer in closers], retries={"tries": 10})
        async with running_proxy({"app": app}) as proxy:
            wire = await proxy.connect()
            head, _ = await wire.exchange(request(b"GET"))
            assert head.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 503 "))
            assert [closer.taken for closer in closers] == [1, 1]


@pytest.mark.parametrize(("size", "repeated"), [(1000, True), (1025, False)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_kept_up_to_its_limit(size: int, repeated: bool, chunked: bool) -> None:
    closer, node = Closer(), Recorder()
    async with started(closer, node):
        app = service([closer.port, node.port], retries={"buffer": "1KiB"})
        async with running_proxy({"app": app}) as proxy:
            while not closer.taken:
                wire = await proxy.connect()
                body = b"x" * size
                put = b"PUT / HTTP/1.1\r\nHost: x\r\n"
                if chunked:
                    put += b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
                else:
                    put += b"Content-Length: %d\r\n\r\n%b" % (size, body)
                head, _ = await wire.exchange(put)
            assert head.startswith(b"HTTP/1.1 200 " if repeated else b"HTTP/1.1 502 ")
            if repeated:
                assert body in node.requests[-1][1]


async def test_an_upload_goes_on_to_the_next_node_where_it_stopped() -> None:
    """The first node closes while the body is under way: the second gets it from the beginning."""
    first_gone = asyncio.Event()

    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\nbegin")
        first_gone.set()

    raw, node = RawNode(leaves), Recorder()
    async with started(raw, node), running_proxy({"app": service([raw.port, node.port])}) as proxy:
        while not first_gone.is_set():
            wire = await proxy.connect()
            wire.write(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nbegin")
            await eventually(lambda: first_gone.is_set() or node.open > 0)
            await eventually(lambda: node.open > 0)
            wire.write(b"end")
            assert (await wire.read_response())[1] == b"ok"
            assert node.requests[-1][1] == b"beginend"
            await wire.close()
            await eventually(proxy.at_rest)


async def test_an_outage_is_not_doubled() -> None:
    closers = [Closer() for _ in range(4)]
    async with started(*closers):
        app = service([c.port for c in closers], retries={"tries": 4})
        async with running_proxy({"app": app}) as proxy:
            for _ in range(4):
                wire = await proxy.connect()
                for _ in range(100):
                    await wire.exchange(request(b"GET"))
            taken = sum(closer.taken for closer in closers)
            retries = proxy.engine.services["app"].counters.retries
            assert taken == 400 + retries
            assert 0 < retries <= 80 + 2  # a fifth


async def test_a_slow_answer_is_not_asked_for_twice() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    nodes = [RawNode(hangs), RawNode(hangs)]
    async with started(*nodes):
        app = service([node.port for node in nodes], timeouts={"response": "200ms"})
        async with running_proxy({"app": app}) as proxy:
            wire = await proxy.connect()
            head, _ = await wire.exchange(request(b"GET"))
            assert head.startswith(b"HTTP/1.1 504 ")
            assert sum(node.connections for node in nodes) == 1


async def test_a_gateway_error_of_the_node_itself_is_its_answer() -> None:
    nodes = [Recorder(b"HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 4\r\n\r\nbusy") for _ in "ab"]
    async with started(*nodes), running_proxy({"app": service([node.port for node in nodes])}) as proxy:
        wire = await proxy.connect()
        head, body = await wire.exchange(request(b"GET"))
        assert (header(head, b"Retry-After"), body) == ([b"9"], b"busy")
        assert sum(len(node.requests) for node in nodes) == 1


async def test_answers_after_a_retry_are_of_the_right_request() -> None:
    async def flaky(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers twice on each connection and drops the third request."""
        for _ in range(2):
            head, _ = await read_request(reader)
            writer.write(ok(head.split()[1]))
        await read_request(reader)

    nodes = [RawNode(flaky), RawNode(flaky)]
    async with started(*nodes):
        app = service([node.port for node in nodes], retries={"budget": 1.0})
        async with running_proxy({"app": app}) as proxy:
            wires = [await proxy.connect() for _ in range(10)]
            for turn in range(20):
                for i, wire in enumerate(wires):
                    wire.write(b"GET /%d/%d HTTP/1.1\r\nHost: x\r\n\r\n" % (i, turn))
                for i, wire in enumerate(wires):
                    head, body = await wire.read_response()
                    assert head[:12] == b"HTTP/1.1 502" or body == b"/%d/%d" % (i, turn)
