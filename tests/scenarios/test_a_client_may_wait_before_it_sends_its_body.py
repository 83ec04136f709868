"""`Expect: 100-continue` is the node's to answer: yes, no, or not at all."""

import asyncio

import pytest

from tests.scenarios.harness import RawNode, Recorder, header, ok, proxied, read_request

EXPECT = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def asks_for_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        if header(head, b"Expect"):
            writer.write(CONTINUE)
        writer.write(ok(await reader.readexactly(4)))


async def test_the_nodes_go_ahead_reaches_the_client() -> None:
    node = RawNode(asks_for_more)
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            wire.write(EXPECT)
            assert await wire.read_until(b"\r\n\r\n") == CONTINUE
            assert (await wire.exchange(b"body"))[1] == b"body"
        assert node.connections == 1


async def test_a_client_may_lose_its_patience() -> None:
    node = RawNode(asks_for_more)
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        wire.write(EXPECT + b"body")
        assert await wire.read_until(b"\r\n\r\n") == CONTINUE
        assert (await wire.read_response())[1] == b"body"


@pytest.mark.parametrize("status", [b"417 Expectation Failed", b"401 Unauthorized", b"200 OK"])
async def test_a_refusal_ends_it_before_the_body(status: bytes) -> None:
    refusal = b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nno"

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await reader.read()

    node = RawNode(refuses)
    async with proxied(node) as proxy:
        for _ in range(2):
            wire = await proxy.connect()
            head, body = await wire.exchange(EXPECT)
            assert (head[9 : 9 + len(status)], body) == (status, b"no")
            assert header(head, b"Connection") == [b"close"]  # whether a body follows is not known
            assert await wire.closed()
        assert node.connections == 2


async def test_another_expectation_is_refused() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: miracle\r\n\r\n"
        )
        assert head.startswith(b"HTTP/1.1 417 ")
        assert node.requests == []


async def test_an_http_1_0_clients_expectation_is_none() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        answer = await proxy.ask(b"POST / HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert not header(node.heads[0], b"Expect")


async def test_a_node_may_answer_without_reading_the_body_that_comes() -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ok())
        await reader.read()

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        head, body = await wire.exchange(EXPECT + b"body")
        assert (header(head, b"Connection"), body) == ([], b"ok")  # the body was sent whole
