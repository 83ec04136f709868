"""However fast a body comes, no turn of the event loop takes more of it than one read's worth."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.scenarios.harness import RunningProxy, running_proxy, service

BLOCK = bytes(1 << 20)
BLOCKS = 64
SIZE = len(BLOCK) * BLOCKS
ONE_READ = 256 * 1024  # uvloop's buffer
HEAD = 1024
LIMITS = {"body": "1GiB"}


@contextmanager
def node(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """One connection's worth of a node, in a thread, so that it keeps up with the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def take(connection: socket.socket) -> None:
    """An upload, to its end."""
    size, buffer = 0, bytearray(1 << 20)
    while size < SIZE:
        size += connection.recv_into(buffer)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    connection.recv(1)


def give(connection: socket.socket) -> None:
    connection.recv(HEAD)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
    for _ in range(BLOCKS):
        connection.sendall(BLOCK)
    connection.recv(1)


def upload(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(BLOCKS):
            client.sendall(BLOCK)
        assert client.recv(12) == b"HTTP/1.1 200"


def download(port: int) -> None:
    size, buffer = 0, bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while size < SIZE:
            count = client.recv_into(buffer)
            assert count
            size += count


async def most_in_a_turn(proxy: RunningProxy, client: Callable[[int], None], moved: Callable[[], int]) -> int:
    """Bytes, while the client does its part in a thread."""
    done = asyncio.create_task(asyncio.to_thread(client, proxy.port))
    most, before = 0, moved()
    while not done.done():
        await asyncio.sleep(0)
        now = moved()
        most, before = max(most, now - before), now
    await done
    return most


async def test_an_upload() -> None:
    with node(take) as port:
        async with running_proxy({"app": service([port])}, limits=LIMITS) as proxy:
            counters = proxy.engine.services["app"].counters
            most = await most_in_a_turn(proxy, upload, lambda: counters.bytes_in)
    assert counters.bytes_in >= SIZE
    assert most <= ONE_READ + HEAD


async def test_a_download() -> None:
    with node(give) as port:
        async with running_proxy({"app": service([port])}) as proxy:
            counters = proxy.engine.services["app"].counters
            most = await most_in_a_turn(proxy, download, lambda: counters.bytes_out)
    assert counters.bytes_out >= SIZE
    assert most <= ONE_READ + HEAD
