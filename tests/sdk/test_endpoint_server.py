"""The endpoint at an address of its own: what it answers and refuses, and what a fork makes of it."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from limpet_session import address as address_module
from limpet_session import endpoint_server, headers, loop_server
from limpet_session.address import CONNECTIONS, Address, read_address
from limpet_session.endpoint_server import EndpointServer
from limpet_session.loop_shell import LoopShell
from limpet_session.memory import MemoryStorage
from limpet_session.shell import Shell
from limpet_session.visit import Visit
from tests.examples.running import free_port, until
from tests.sdk.nodes import KEY, TAKEOVER, A
from tests.sdk.serving import PATIENCE

GET = f"GET /.limpet/sessions/{A} HTTP/1.1\r\nHost: a\r\nLimpet-Key: {KEY}\r\n".encode()
PUT = f"PUT /.limpet/sessions/{A} HTTP/1.1\r\nHost: a\r\nLimpet-Version: 3\r\nLimpet-TTL: 60\r\n".encode()
KEYED = PUT + f"Limpet-Key: {KEY}\r\n".encode()

OURS = {
    headers.KEY: KEY.encode(),
    headers.SESSION: A.encode(),
    headers.VERSION: b"0",
    headers.TTL: b"60",
}


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
        client = Client(at)
    except OSError:
        return False
    client.send(GET + b"Connection: close\r\n\r\n")
    status = client.answer()[0]
    client.close()
    return status == 404


Start = Callable[[Address], Shell | LoopShell]


def in_thread(place: Address) -> Shell:
    shell = Shell([KEY], storage=MemoryStorage(), endpoint=str(place), max_state=1000)
    shell.open({})
    return shell


@contextmanager
def in_loop(make: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Start]:
    """As an app server does: a loop, which cancels at its end what is not done."""

    async def cancel() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def start(place: Address) -> LoopShell:
        shell = LoopShell([KEY], storage=MemoryStorage(), endpoint=str(place), max_state=1000)
        asyncio.run_coroutine_threadsafe(shell.open({}), loop).result(PATIENCE)
        return shell

    loop = make()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield start
    asyncio.run_coroutine_threadsafe(cancel(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()


@pytest.fixture(params=["thread", "asyncio", "uvloop"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """What serves a node's endpoint in this process, as soon as the node is asked something."""
    if request.param == "thread":
        yield in_thread
    else:
        loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
        with in_loop(loops[request.param]) as starting:
            yield starting


@pytest.fixture
def at(start: Start) -> Address:
    place = address()
    start(place)
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


def test_who_sends_ahead_and_reads_late_gets_every_answer(client: Client) -> None:
    client.send(KEYED + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000)
    assert client.answer()[0] == 204
    sending = threading.Thread(target=client.send, args=((GET + b"\r\n") * 4000,))
    sending.start()
    sending.join(0.1)  # it fills what there is of buffers, more or less of them
    assert {client.answer() for _ in range(4000)} == {(200, b"x" * 1000)}
    sending.join(PATIENCE)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (KEYED + b"Content-Length: 1000000\r\n\r\n", 413),
        (KEYED + b"Content-Length: x\r\n\r\n", 400),
        (KEYED + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (KEYED + b"Transfer-Encoding: chunked\r\n\r\n", 411),
        (PUT + b"Content-Length: 5\r\n\r\nstate", 403),
        (PUT + b"Limpet-Key: guessed\r\nContent-Length: 1000000\r\n\r\n", 403),
        (b"GET /" + b"x" * 16_379, 431),
        (b"rubbish\r\n\r\n", 400),
    ],
)
def test_what_it_will_not_read_is_refused_and_ends_the_connection(
    client: Client, request_: bytes, status: int
) -> None:
    client.send(request_)
    assert client.answer()[0] == status
    assert client.closed()


def test_a_fence_that_waits_holds_up_no_other_call(start: Start) -> None:
    shell = start(place := address())
    getattr(shell, "shell", shell).fence_seconds = PATIENCE
    until(lambda: answers(place), "it is served")
    life = shell.node.open(OURS)
    assert isinstance(life, Visit)
    client, other = Client(place), Client(place)
    client.send(f"POST /.limpet/sessions/{A}/fence HTTP/1.1\r\nHost: a\r\n".encode())
    client.send(f"Limpet-Key: {KEY}\r\nLimpet-Fence: {TAKEOVER}\r\n\r\n".encode() + GET + b"\r\n")
    until(lambda: bool(shell.node.running._holds), "the fence waits")
    other.send(GET + b"\r\n")
    assert other.answer() == (200, b"")
    life.session["late"] = 1
    life.finish()
    life.leave()
    assert [client.answer(), client.answer()] == [(200, b'{"late":1}')] * 2, "in the order of the calls"
    client.close()
    other.close()


def test_a_call_that_fails_is_answered_and_logged(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = start(place := address())
    until(lambda: answers(place), "it is served")
    client = Client(place)
    monkeypatch.setattr(MemoryStorage, "find", lambda *_: 1 / 0)
    client.send(GET + b"\r\n")
    assert client.answer()[0] == 500
    assert "ZeroDivisionError" in caplog.text and shell.node.counters.calls
    monkeypatch.undo()
    client.send(GET + b"\r\n")
    assert client.answer()[0] == 404, "and the connection goes on"
    client.close()


def test_nothing_else_is_there(client: Client) -> None:
    client.send(b"GET /etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n")
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
    monkeypatch.setattr(endpoint_server, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(loop_server, "IDLE_SECONDS", 0.1)
    quiet = Client(at)
    quiet.send(GET)
    assert quiet.closed()
    quiet.close()


def test_more_connections_than_there_are_places_are_turned_away(at: Address, client: Client) -> None:
    client.send(GET + b"\r\n")
    client.answer()
    clients = [Client(at) for _ in range(CONNECTIONS + 5)]
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


def test_a_unix_socket_whose_process_has_died_is_no_obstacle(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "endpoint.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    place = address(f"unix:{path}")
    start(place)
    until(lambda: answers(place), "it is served")


def test_an_address_that_somebody_else_has_is_complained_of_and_waited_for(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_module, "COMPLAIN_SECONDS", 0.05)
    place = address()
    with socket.create_server((place.host, place.port)) as other, caplog.at_level(logging.ERROR):
        start(place)
        until(lambda: f"cannot be served at {place}" in caplog.text, "it complains")
        other.close()
    until(lambda: answers(place), "it is served")
    assert caplog.text.count("cannot be served") == 1


def test_a_child_of_a_fork_keeps_no_address(at: Address) -> None:
    child = os.fork()
    if not child:
        os._exit(0 if all(one.fileno() < 0 for one in address_module._LISTENERS) else 1)
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


def test_servers_of_one_node_agree_by_a_lock() -> None:
    class Locks:
        def take(self, at: int) -> bool:
            asked.append(at)
            return turn.is_set()

    asked: list[int] = []
    turn = threading.Event()
    place = address()
    server = EndpointServer(place, Locks(), Shell([KEY]))
    server.start()
    server.start()
    until(lambda: len(asked) > 1, "it waits for its turn")
    assert not answers(place)
    turn.set()
    until(lambda: answers(place), "it is served")
    assert set(asked) == {endpoint_server.SERVER}
