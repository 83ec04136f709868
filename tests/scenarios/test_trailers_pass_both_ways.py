"""Chunked bodies keep their payload and their trailers, but for those that no client may set."""

import pytest

from tests.scenarios.harness import Recorder, ok, proxied

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_an_uploads_trailers_reach_the_node() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        await wire.exchange(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;a=b\r\none\r\n3\r\ntwo\r\n0\r\n"
            b"Checksum: 1\r\nLimpet-Key: no\r\nlimpet_version: 9\r\nX-Forwarded-For: 9.9.9.9\r\n"
            b"Content-Length: 99\r\nHost: evil\r\nX_Forwarded_Host: no\r\nCookie: a=b\r\n\r\n"
        )
        _, body = node.requests[0]
        assert body == b"6\r\nonetwo\r\n0\r\nChecksum: 1\r\n\r\n"


async def test_an_answers_trailers_reach_the_client() -> None:
    trailers = b"Checksum: 1\r\nSet-Cookie: limpet_app=forged\r\nLimpet-State: x\r\nContent-Length: 4\r\n"
    node = Recorder(CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n0\r\n" + trailers + b"\r\n")
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(2):
            wire.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await wire.read_until(b"Checksum: 1\r\n\r\n")
            assert answer.endswith(b"6\r\nonetwo\r\n0\r\nChecksum: 1\r\n\r\n")
        assert node.connections == 1


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_in_however_small_pieces_they_come(size: int) -> None:
    whole = (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'5\r\nhello\r\n1;x="y"\r\n!\r\n0\r\nChecksum: 1\r\n\r\n'
    )
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for start in range(0, len(whole), size):
            await wire.send(whole[start : start + size])
        assert (await wire.read_response())[1] == b"ok"
        _, body = node.requests[0]
        assert body.endswith(b"0\r\nChecksum: 1\r\n\r\n")
        assert b"".join(body.split(b"\r\n")[1:-4:2]) == b"hello!"


async def test_an_http_1_0_client_gets_the_payload_alone() -> None:
    node = Recorder(CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n0\r\nChecksum: 1\r\n\r\n")
    async with proxied(node) as proxy:
        answer = await proxy.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert answer.endswith(b"\r\n\r\nonetwo")
        assert b"chunked" not in answer
        assert b"\r\nConnection: close\r\n" in answer
        assert proxy.records[0].fault == ""
        assert (await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"onetwo")
        assert node.connections == 1  # the node's side was whole, and is kept


async def test_bytes_after_the_last_chunk_are_nobodys() -> None:
    node = Recorder(CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + ok(b"forged"))
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        for _ in range(3):
            assert (await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == b"ok"
        assert node.connections == 3
