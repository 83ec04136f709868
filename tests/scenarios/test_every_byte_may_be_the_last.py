"""Whatever ends at whatever byte, client or node: the right answer or none, and nothing left behind."""

import asyncio
import contextlib
from itertools import count

import pytest

from tests.scenarios.harness import RawNode, Wire, eventually, ok, proxied, read_request

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\nA: b\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
    "tunnel": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbody",
}


def whole(answer: bytes) -> bool:
    """Whether a client would take this for a whole answer, error pages included."""
    head, _, body = answer.partition(b"\r\n\r\n")
    while head[9:10] == b"1" and head[9:12] != b"101":
        head, _, body = body.partition(b"\r\n\r\n")
    if b"\r\nContent-Length: " in head:
        return len(body) == int(head.partition(b"\r\nContent-Length: ")[2].split(b"\r\n")[0])
    return b"\r\nTransfer-Encoding: chunked" in head and body.endswith((b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n"))


@pytest.mark.parametrize("kind", ["length", "chunks", "interim"])
async def test_a_node_that_closes_at_each_byte_of_its_answer(kind: str) -> None:
    answer = ANSWERS[kind]
    sent = count()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer[: next(sent)])
        await writer.drain()

    async with proxied(RawNode(node), ejection={"failures": 1000}, retries={"tries": 1}) as proxy:
        for size in range(len(answer) + 1):
            got = await proxy.ask(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            if b"HTTP/1.1 200 OK\r\n" in got:
                assert whole(got) == (size == len(answer)), (size, got)
                if size == len(answer):
                    assert got.replace(b"\r\n2\r\n", b"").count(b"body") or b"bo" in got
            else:
                assert b"HTTP/1.1 502 Bad Gateway\r\n" in got
                assert whole(got)


@pytest.mark.parametrize("kind", ["length", "chunks", "interim"])
async def test_a_node_that_answers_byte_by_byte(kind: str) -> None:
    answer = ANSWERS[kind]

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for i in range(len(answer)):
                writer.write(answer[i : i + 1])
                await asyncio.sleep(0)

    raw = RawNode(node)
    async with proxied(raw) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            wire.write(GET)
            head, body = await wire.read_response()
            if head[9:12] == b"103":
                head, body = await wire.read_response()
            assert (head[9:12], body) == (b"200", b"body")
        assert raw.connections == 1


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_a_client_that_goes_at_each_byte_of_its_answer(kind: str, how: str) -> None:
    answer = ANSWERS[kind]
    gates: list[asyncio.Event] = []
    size = 0

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer[:size])
        await gates[size].wait()
        with contextlib.suppress(RuntimeError):  # uvloop's, where the connection was reset meanwhile
            writer.write(answer[size:])
            await reader.read()

    async with proxied(RawNode(node)) as proxy:
        upgrade = b"Connection: Upgrade\r\nUpgrade: x\r\n" if kind == "tunnel" else b""
        for size in range(0, len(answer) + 1, 3):
            gates.extend(asyncio.Event() for _ in range(size + 1 - len(gates)))
            wire = await proxy.connect()
            wire.write(GET[:-2] + upgrade + b"\r\n")
            await eventually(lambda: proxy.engine.services["app"].inflight == [1])
            leave(wire, how)
            if size % 2:
                gates[size].set()
            if how == "reset":
                await eventually(lambda: not proxy.engine.clients)
            gates[size].set()
        await eventually(proxy.at_rest)


def leave(wire: Wire, how: str) -> None:
    wire.reset() if how == "reset" else wire.writer.close()


async def test_clients_that_come_and_go_at_random_leave_nothing() -> None:
    """Many at once, on few connections to the node, with answers of all kinds."""

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            number = int(head.split()[1][1:])
            await asyncio.sleep(0)
            writer.write([ok(b"%d" % number), ANSWERS["chunks"], ANSWERS["interim"]][number % 3])
            if number % 11 == 0:
                return

    raw = RawNode(node)
    settings = {"ejection": {"failures": 1000}, "retries": {"budget": 1.0}, "queue": {"length": 5}}
    async with proxied(raw, **settings) as proxy:

        async def live(i: int) -> None:
            for turn in range(6):
                wire = await proxy.connect()
                method = b"POST" if (i + turn) % 4 == 0 else b"GET"
                body = b"hello" if method == b"POST" else b""
                request = b"%b /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
                data = request % (method, i * 6 + turn, len(body), body)
                cut = (i * 7 + turn * 13) % (len(data) + 20)
                wire.write(data[:cut])
                if cut > len(data) + 10:
                    await wire.read_until(b"\r\n\r\n")
                elif cut % 3:
                    await asyncio.sleep(0)
                leave(wire, "reset" if cut % 2 else "close")

        await asyncio.gather(*(live(i) for i in range(40)))
        assert (await (await proxy.connect()).exchange(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == b"body"
