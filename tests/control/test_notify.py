"""What systemd hears from us, over a real datagram socket."""

import os
import socket
from pathlib import Path

import pytest

from control.notify import Notifier, watchdog_seconds


def listening(name: str) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(name)
    channel.settimeout(5)
    return channel


def test_says_it_in_one_datagram(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as channel:
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}).send("READY=1", "STATUS=serving")
        assert channel.recv(1000) == b"READY=1\nSTATUS=serving"


def test_abstract_sockets_are_reached() -> None:
    name = f"limpet-test-{os.getpid()}"
    with listening("\0" + name) as channel:
        Notifier({"NOTIFY_SOCKET": "@" + name}).send("STOPPING=1")
        assert channel.recv(1000) == b"STOPPING=1"


def test_silent_without_a_socket() -> None:
    Notifier({}).send("READY=1")


def test_a_manager_that_is_gone_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).send("READY=1")
    assert "READY=1" in caplog.text


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
    ],
)
def test_watchdog_is_answered_twice_as_often_as_asked(env: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(env) == seconds
