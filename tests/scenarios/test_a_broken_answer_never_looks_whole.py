"""A client can tell that an answer was cut short, however it was framed and whatever the client speaks."""

import asyncio
import socket
import struct

import pytest

from tests.scenarios.harness import RawNode, Recorder, proxied, read_request, socket_of

GET_1_1 = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"
OLD_CLOSE = b"HTTP/1.0 200 OK\r\n\r\n"


def breaks_off(answer: bytes, reset: bool) -> RawNode:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        writer.write(answer)
        await writer.drain()
        if reset:
            await reader.readexactly(1) if b"wait" in head else await asyncio.sleep(0.05)  # the bytes first
            socket_of(writer).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    return RawNode(node)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("request_bytes", [GET_1_1, GET_1_0])
@pytest.mark.parametrize(
    "answer",
    [
        LENGTH + b"half",
        LENGTH,
        CHUNKED + b"4\r\nhalf\r\n",
        CHUNKED + b"4\r\nhalf",
        CHUNKED + b"4\r\nhalf\r\n0\r\n",
        CHUNKED + b"4\r\nhalf\r\n0\r\nTrailer: x\r\n",
        CHUNKED + b"4\r\nhalf\r\nbad\r\n",
    ],
)
async def test_a_framed_answer(answer: bytes, request_bytes: bytes, reset: bool) -> None:
    async with proxied(breaks_off(answer, reset)) as proxy:
        wire = await proxy.connect()
        wire.write(request_bytes)
        was_reset = False
        got = b""
        try:
            while data := await asyncio.wait_for(wire.reader.read(65536), 60):
                got += data
        except ConnectionResetError:
            was_reset = True
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        if answer.startswith(LENGTH):
            assert b"\r\nContent-Length: 10\r\n" in got
        elif request_bytes is GET_1_1:
            assert b"\r\nTransfer-Encoding: chunked\r\n" in got
            assert not got.endswith(b"0\r\n\r\n")
        else:
            assert was_reset  # nothing else could show it to a client that reads to the end
        assert proxy.records[-1].fault in ("node_closed", "bad_chunk")


@pytest.mark.parametrize("answer", [CLOSE + b"half", OLD_CLOSE + b"half"])
async def test_an_answer_to_the_end_of_the_connection_that_ends_in_a_reset(answer: bytes) -> None:
    for request_bytes in (GET_1_1, GET_1_0):
        async with proxied(breaks_off(answer, True)) as proxy:
            wire = await proxy.connect()
            wire.write(request_bytes)
            if request_bytes is GET_1_1:
                got = await wire.read_all()
                assert b"half" in got
                assert not got.endswith(b"0\r\n\r\n")
            else:
                with pytest.raises(ConnectionResetError):
                    while await asyncio.wait_for(wire.reader.read(65536), 60):
                        pass
            assert proxy.records[-1].fault == "node_closed"


@pytest.mark.parametrize("answer", [CLOSE + b"whole", OLD_CLOSE + b"whole"])
async def test_an_answer_to_the_end_of_the_connection_that_ends_well(answer: bytes) -> None:
    async with proxied(breaks_off(answer, False)) as proxy:
        wire = await proxy.connect()
        for _ in range(2):
            assert (await wire.exchange(GET_1_1))[1] == b"whole"  # in chunks: the connection lives on
        assert (await proxy.ask(GET_1_0)).endswith(b"\r\n\r\nwhole")
        assert proxy.records[-1].fault == ""


@pytest.mark.parametrize(
    "answer",
    [
        LENGTH + b"half",
        CHUNKED + b"4\r\nhalf\r\n",
        CLOSE + b"half",
    ],
)
async def test_an_answer_that_stalls(answer: bytes) -> None:
    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await reader.read()

    for request_bytes in (GET_1_1, GET_1_0):
        async with proxied(RawNode(node), timeouts={"idle": "200ms"}) as proxy:
            answer_got = await proxy.ask(request_bytes)
            assert b"half" in answer_got
            assert not answer_got.endswith(b"0\r\n\r\n")
            assert proxy.records[-1].fault == "body_timeout"


async def test_more_than_was_announced_is_not_passed_on() -> None:
    node = Recorder(LENGTH + b"0123456789 and more")
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            assert (await wire.exchange(GET_1_1))[1] == b"0123456789"
        assert node.connections == 3
