"""A server that answers each request on a connection with the next of its scripted pieces."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def scripted(pieces: Sequence[bytes]) -> Iterator[int]:
    """Listens on a port of its own, yielded; one connection at a time, one piece for each request.

    The connection is closed after a request that says `Connection: close`.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, iter(pieces)))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _answer(server: socket.socket, pieces: Iterator[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _talk(connection, pieces)


def _talk(connection: socket.socket, pieces: Iterator[bytes]) -> None:
    while request := _request(connection):
        piece = next(pieces, b"")
        try:
            for byte in range(len(piece)):  # one at a time: the client must not care
                connection.sendall(piece[byte : byte + 1])
        except OSError:  # the client has seen enough
            return
        if b"\r\nConnection: close\r\n" in request:
            return


def _request(connection: socket.socket) -> bytes:
    """A whole head, with the body that was sent with it; nothing where the client goes away."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            received = connection.recv(65536)
        except OSError:
            return b""
        if not received:
            return b""
        data += received
    return data
