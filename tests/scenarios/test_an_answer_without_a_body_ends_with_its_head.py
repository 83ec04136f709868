"""HEAD, 1xx, 204 and 304: no body is waited for, and none is sent."""

import asyncio

import pytest

from tests.scenarios.harness import RawNode, Recorder, header, ok, proxied, read_request

HEAD = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", [b"1000"]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\n\r\n", []),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", [b"9"]),
    ],
)
async def test_head_brings_the_fields_and_keeps_both_connections(answer: bytes, kept: list[bytes]) -> None:
    node = Recorder(answer)
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            head, _ = await wire.exchange(HEAD)
            assert header(head, b"Content-Length") == kept
        assert node.connections == 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize("field", [b"", b"ETag: x\r\n", b"Content-Length: 50\r\n"])
async def test_no_content_is_none(status: bytes, field: bytes) -> None:
    node = Recorder(b"HTTP/1.1 %b\r\n%b\r\n" % (status, field))
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            head, _ = await wire.exchange(GET)
            assert head.startswith(b"HTTP/1.1 " + status)
            if status.startswith(b"204"):
                assert not header(head, b"Content-Length")
        assert node.connections == 1


async def test_early_hints_and_others_pass_before_the_answer() -> None:
    interim = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 102 Processing\r\n\r\n"
    )
    node = Recorder(interim + ok())
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(2):
            wire.write(GET)
            heads = [(await wire.read_response())[0] for _ in range(3)]
            assert [head[9:12] for head in heads] == [b"103", b"102", b"200"]  # nobody asked for a 100
            assert header(heads[0], b"Link") == [b"</a.css>"]
            assert not header(heads[0], b"Set-Cookie")
        assert (await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert node.connections == 1


async def test_each_interim_answer_passes_when_it_comes() -> None:
    go_on = asyncio.Event()

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await go_on.wait()
        writer.write(ok())

    async with proxied(RawNode(node)) as proxy:
        wire = await proxy.connect()
        wire.write(GET)
        assert (await wire.read_response())[0].startswith(b"HTTP/1.1 103 ")
        go_on.set()
        assert (await wire.read_response())[1] == b"ok"
