"""The `websockets` client through Limpet: a tunnel that changes nothing, to the node of the session."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tests.clients.conftest import Site
from tests.clients.node import pattern
from tests.examples.running import until


def open_socket(site: Site, cookie: str = "", **options: object) -> ClientConnection:
    headers = {"Cookie": cookie} if cookie else None
    url = f"ws://127.0.0.1:{site.limpet.port}/socket"
    return connect(url, additional_headers=headers, proxy=None, max_size=None, **options)  # type: ignore[arg-type]


def test_text_and_bytes_come_back(site: Site) -> None:
    with open_socket(site) as socket:
        assert socket.recv(timeout=60) in ("a", "b")
        socket.send("the tide, é, 潮")
        assert socket.recv(timeout=60) == "the tide, é, 潮"
        socket.send(pattern(3_000_000))
        assert socket.recv(timeout=60) == pattern(3_000_000)
        socket.send(iter(["in ", "three ", "frames"]))
        assert socket.recv(timeout=60) == "in three frames"


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_extensions_and_protocols_are_the_ends_own_affair(site: Site, compression: str | None) -> None:
    with open_socket(site, compression=compression, subprotocols=["other", "tide"]) as socket:
        assert socket.subprotocol == "tide"
        assert bool(socket.protocol.extensions) == (compression is not None)
        socket.recv(timeout=60)
        socket.send("x" * 10_000)
        assert socket.recv(timeout=60) == "x" * 10_000


def test_a_ping_is_answered_by_the_node(site: Site) -> None:
    with open_socket(site) as socket:
        socket.recv(timeout=60)
        assert socket.ping(b"are you there").wait(60)


def test_the_nodes_close_arrives_with_its_code(site: Site) -> None:
    with open_socket(site) as socket:
        socket.recv(timeout=60)
        socket.send("close")
        with pytest.raises(ConnectionClosedError) as closed:
            socket.recv(timeout=60)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "tide")


def test_a_socket_goes_to_the_node_of_the_session(site: Site) -> None:
    with httpx.Client(base_url=site.limpet.url, timeout=60) as browser:
        node = browser.get("/echo").json()["node"]
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for _ in range(4):
        with open_socket(site, cookie) as socket:
            assert socket.recv(timeout=60) == node


def test_an_open_socket_counts_as_in_flight_until_it_closes(site: Site) -> None:
    def inflight() -> float:
        return site.limpet.metric("limpet_node_inflight", service="app")

    until(lambda: inflight() == 0, "nothing of other tests is in flight", 10)
    with open_socket(site) as socket:
        socket.recv(timeout=60)
        assert inflight() == 1
    until(lambda: inflight() == 0, "the closed socket is no longer in flight", 10)
