"""The endpoint at an address of its own: what it answers and refuses, and what a fork makes of it."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limpet_session import endpoint_server
from limpet_session.endpoint_server import Address, EndpointServer, read_address
from limpet_session.memory import MemoryStorage
from limpet_session.shell import Shell
from tests.examples.running import free_port, until
from tests.sdk.nodes import KEY, A
from tests.sdk.serving import PATIENCE

GET = f"GET /.limpet/sessions/{A} HTTP/1.1\r\nHost: a\r\nLimpet-Key: {KEY}\r\n".encode()
PUT = f"PUT /.limpet/sessions/{A} HTTP/1.1\r\nHost: a\r\nLimpet-Version: 3\r\nLimpet-TTL: 60\r\n".encode()
KEYED = PUT + f"Limpet-Key: {KEY}\r\n".encode()


class Client:
    """Bytes to the endpoint and back."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.socket(socket.AF_UNIX if address.path else socket.AF_INET)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(address.path or (address.host, address.port))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> tuple[int, bytes]:
        """Status and body."""
        status = int(self._file.readline().split()[1])
        length = 0
        while line := self._file.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split()[1])
        return status, self._file.read(length)

    def closed(self) -> bool:
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def address(text: str = "") -> Address:
    return read_address(text or f"127.0.0.1:{free_port()}")


def answers(at: Address) -> bool:
    try:
        Client(at).close()
    except OSError:
        return False
    return True


@pytest.fixture
def at() -> Address:
    """Of a node that serves it in this process."""
    place = address()
    shell = Shell([KEY], storage=MemoryStorage(), endpoint=str(place), max_state=1000)
    shell.open({})
    until(lambda: answers(place), "it is served")
    return place


@pytest.fixture
def client(at: Address) -> Iterator[Client]:
    client = Client(at)
    yield client
    client.close()


def test_a_connection_is_used_again_and_requests_may_come_in_pieces_or_at_once(client: Client) -> None:
    client.send(GET + b"\r\n")
    assert client.answer()[0] == 404
    for byte in KEYED + b"Content-Length: 5\r\n\r\nstate":
        client.send(bytes([byte]))
    assert client.answer()[0] == 204
    client.send((GET + b"\r\n") * 2)
    assert [client.answer(), client.answer()] == [(200, b"state")] * 2


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (KEYED + b"Content-Length: 1000000\r\n\r\n", 413),
        (KEYED + b"Content-Length: x\r\n\r\n", 413),
        (KEYED + b"Content-Length: -5\r\n\r\n", 413),
        (KEYED + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 413),
        (KEYED + b"Transfer-Encoding: chunked\r\n\r\n5\r\nstate\r\n0\r\n\r\n", 413),
        (PUT + b"Content-Length: 5\r\n\r\nstate", 403),
        (PUT + b"Limpet-Key: guessed\r\nContent-Length: 1000000\r\n\r\n", 403),
        (b"PATCH /.limpet/sessions/ HTTP/1.1\r\n\r\n", 501),
        (b"GET /" + b"x" * 70_000, 414),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"rubbish\r\n\r\n", 400),
    ],
)
def test_what_it_will_not_read_is_refused_and_ends_the_connection(
    client: Client, request_: bytes, status: int
) -> None:
    client.send(request_)
    assert client.answer()[0] == status
    assert client.closed()


def test_nothing_else_is_there(client: Client) -> None:
    client.send(b"GET /etc/passwd HTTP/1.1\r\n\r\n")
    assert client.answer() == (404, b"nothing here\n")


def test_a_body_that_does_not_arrive_whole_changes_nothing(client: Client, at: Address) -> None:
    client.send(KEYED + b"Content-Length: 5\r\n\r\nsta")
    client._socket.shutdown(socket.SHUT_WR)
    assert client.closed()
    other = Client(at)
    other.send(GET + b"\r\n")
    assert other.answer()[0] == 404
    other.close()


def test_a_connection_that_says_nothing_is_closed(
    at: Address, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_server._Handler, "timeout", 0.1)
    quiet = Client(at)
    quiet.send(GET)
    assert quiet.closed()
    quiet.close()


def test_more_connections_than_there_are_places_are_turned_away(
    at: Address, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.send(GET + b"\r\n")
    client.answer()
    clients = [Client(at) for _ in range(endpoint_server.CONNECTIONS + 5)]
    turned_away = 0
    for one in clients:
        try:
            one.send(GET + b"\r\n")
            turned_away += one.closed() if one is clients[-1] else one.answer()[0] != 404
        except (OSError, IndexError):
            turned_away += 1
    assert 5 <= turned_away <= 6
    for one in clients:
        one.close()


def test_a_unix_socket_whose_process_has_died_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    place = address(f"unix:{path}")
    Shell([KEY], storage=MemoryStorage(), endpoint=str(place)).open({})
    until(lambda: answers(place), "it is served")


def test_an_address_that_somebody_else_has_is_complained_of_and_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_server, "COMPLAIN_SECONDS", 0.05)
    place = address()
    with socket.create_server((place.host, place.port)) as other, caplog.at_level(logging.ERROR):
        Shell([KEY], storage=MemoryStorage(), endpoint=str(place)).open({})
        until(lambda: f"cannot be served at {place}" in caplog.text, "it complains")
        other.close()
    until(lambda: answers(place), "it is served")
    assert caplog.text.count("cannot be served") == 1


def test_a_child_of_a_fork_keeps_no_address(at: Address) -> None:
    server = next(server for server in endpoint_server._SERVERS if server.address == at)
    child = os.fork()
    if not child:
        os._exit(0 if server.listener is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert answers(at)


def test_a_storage_that_is_named_is_used_though_it_is_empty() -> None:
    storage = MemoryStorage()
    assert Shell([KEY], storage=storage, endpoint=str(address())).node.storage is storage


def test_who_only_makes_a_node_serves_nothing() -> None:
    place = address()
    shell = Shell([KEY], storage=MemoryStorage(), endpoint=str(place))
    time.sleep(0.05)  # nothing can be waited for
    assert not answers(place)
    shell.open({})
    until(lambda: answers(place), "it is served")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1:9101", Address("127.0.0.1", 9101)),
        ("[::1]:9101", Address("::1", 9101)),
        ("localhost:1", Address("localhost", 1)),
        ("unix:/run/app/a.sock", Address("", 0, "/run/app/a.sock")),
    ],
)
def test_addresses(text: str, meant: Address) -> None:
    assert read_address(text) == meant and str(meant) == text


@pytest.mark.parametrize(
    "text", ["9101", ":9101", "a:0", "a:65536", "::1:9101", "http://a:1", "unix:a", "a:1:"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="endpoint must be HOST:PORT"):
        read_address(text)


def test_servers_of_one_node_agree_by_a_lock() -> None:
    class Locks:
        def take(self, at: int) -> bool:
            asked.append(at)
            return turn.is_set()

    asked: list[int] = []
    turn = threading.Event()
    place = address()
    server = EndpointServer(place, Locks(), lambda path: None, lambda asked, read: None)  # type: ignore[arg-type, return-value]
    server.start()
    server.start()
    until(lambda: len(asked) > 1, "it waits for its turn")
    assert not answers(place)
    turn.set()
    until(lambda: answers(place), "it is served")
    assert set(asked) == {endpoint_server.SERVER}
