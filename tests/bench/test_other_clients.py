"""Clients that speak TLS or a WebSocket count whole answers only, too."""

from contextlib import closing
from pathlib import Path

import pytest

from bench import contenders
from bench.client import WrongAnswer
from bench.load import Load
from bench.processes import nodes
from bench.work import Kind, Work
from tests.bench.scripted import scripted

ECHO = Work("one client, WebSocket", b"/echo", 2, kind=Kind.WEBSOCKET)
TLS = Work("one client, TLS", b"/64", 2, kind=Kind.TLS)


def test_messages_come_back_from_a_node(tmp_path: Path) -> None:
    with nodes(tmp_path) as ports, closing(Load(ports[0], ECHO)) as load:
        assert load.saturate(30, 20) >= 20


def test_a_proxy_that_does_not_switch_ends_the_run() -> None:
    with scripted([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]) as port, pytest.raises(WrongAnswer):
        Load(port, ECHO)


def test_another_message_ends_the_run() -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    one = Work("one client, WebSocket", b"/echo", 1, kind=Kind.WEBSOCKET)
    with (
        scripted([switched + b"\x81\x7dand something else"]) as port,
        closing(Load(port, one)) as load,
        pytest.raises(WrongAnswer, match="not the message"),
    ):
        load.saturate(30, 1)


def test_answers_come_through_tls(tmp_path: Path) -> None:
    with (
        contenders.started(contenders.ECHO, (0, 0, 0), tmp_path / "echo") as echo,
        closing(Load(echo.port_for(TLS), TLS)) as load,
    ):
        assert load.saturate(30, 20) >= 20
