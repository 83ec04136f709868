"""A client may send its next requests before it has its answers: each gets its own, in order."""

import asyncio
from collections.abc import Collection

from proxy.client import Client
from tests.scenarios.harness import RawNode, Recorder, Wire, eventually, ok, proxied, read_request

LONGEST_READ = 256 * 1024  # uvloop's


def get(path: bytes, *fields: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (path, b"".join(field + b"\r\n" for field in fields))


async def echo_path(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head, _ = await read_request(reader)
        writer.write(ok(head.split()[1]))


async def test_ten_thousand_at_once_are_answered_in_order() -> None:
    async with proxied(RawNode(echo_path)) as proxy:
        wire = await proxy.connect()
        most = await pour(wire, b"".join(get(b"/%d" % i) for i in range(10_000)), proxy.engine.clients)
        for i in range(10_000):
            _, body = await wire.read_response()
            assert body == b"/%d" % i
        assert most <= 64 * 1024 + LONGEST_READ


async def test_what_is_read_ahead_is_bounded_however_fast_the_client_sends() -> None:
    node = Recorder()
    async with proxied(node, {"limits": {"pipeline": "4KiB"}}) as proxy:
        wire = await proxy.connect()
        one = get(b"/" + b"x" * 1000)
        count = 4 * 1024 * 1024 // len(one)
        sending = asyncio.create_task(wire.send(one * count))
        most = 0
        for i in range(count):
            await wire.read_response()
            if i % 16 == 0:
                most = max([most, *(held_by(client) for client in proxy.engine.clients)])
        await sending
        assert len(node.requests) == count
        assert 4 * 1024 < most <= 4 * 1024 + LONGEST_READ


async def test_the_read_that_is_too_much_is_the_last_one() -> None:
    """Also where it is the first, before which there was nothing."""
    async with proxied(Recorder(), {"limits": {"pipeline": "4KiB"}}) as proxy:
        wire = await proxy.connect()
        await eventually(lambda: len(proxy.engine.clients) == 1)
        (client,) = proxy.engine.clients
        assert isinstance(client, Client)
        client.data_received(get(b"/") * 1000)
        assert not client.transport.is_reading()
        for _ in range(1000):
            await wire.read_response()
        assert client.transport.is_reading()


async def test_a_client_that_never_reads_is_not_read_either() -> None:
    node = Recorder(ok(b"x" * 16384))
    async with proxied(node, {"limits": {"pipeline": "4KiB"}, "timeouts": {"write_idle": "500ms"}}) as proxy:
        wire = await proxy.connect()
        most = await pour(wire, get(b"/" + b"x" * 1000) * 30_000, proxy.engine.clients)
        assert 0 < most <= 4 * 1024 + LONGEST_READ
        assert len(node.requests) < 3000
        assert proxy.engine.counters.rejected == {"write_timeout": 1}


async def test_what_follows_the_last_request_is_dropped() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        answer = await proxy.ask(get(b"/first") + get(b"/last", b"Connection: close") + get(b"/after") * 100)
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert [head.split()[1] for head in node.heads] == [b"/first", b"/last"]


async def test_a_malformed_request_ends_the_row_after_the_answers_before_it() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        answer = await proxy.ask(get(b"/first") + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + get(b"/after"))
        assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 400")
        assert len(node.requests) == 1


async def test_a_client_may_say_that_it_sends_no_more() -> None:
    node = Recorder()
    routes = [{"service": "app", "path": "/app"}]
    async with proxied(node, {"routes": routes}) as proxy:
        wire = await proxy.connect()
        wire.write(get(b"/app/1") + get(b"/none") + get(b"/app/2") + get(b"/none"))
        wire.writer.write_eof()
        answer = await wire.read_all()
        assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200", b"404"]


async def test_requests_with_bodies_stand_in_the_row_too() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        wire.write(
            b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
            b"POST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
            + get(b"/3")
        )
        for _ in range(3):
            assert (await wire.read_response())[1] == b"ok"
        assert [body for _, body in node.requests] == [b"one", b"3\r\ntwo\r\n0\r\n\r\n", b""]


async def pour(wire: Wire, data: bytes, clients: Collection[object]) -> int:
    """Send until all is taken or the other side closes, without reading; the most that was ever held."""
    most = 0
    for start in range(0, len(data), 65536):
        if not clients:
            break
        wire.write(data[start : start + 65536])
        while clients and wire.writer.transport.get_write_buffer_size():
            most = max([most, *(held_by(client) for client in clients)])
            await asyncio.sleep(0.002)
    return most


def held_by(client: object) -> int:
    assert isinstance(client, Client)
    return len(client._held)
