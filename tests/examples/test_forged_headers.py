"""WSGI reads `-` and `_` as one: by no spelling can a client forge what Limpet tells a node."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.examples.running import free_port, limpet, running

APP = "tests.examples.environ:application"
SERVERS = {
    # "dangerous" hands underscored names on, as older versions did; the others' own guards are off as well.
    "gunicorn": [
        "gunicorn",
        "--no-control-socket",
        "--header-map",
        "dangerous",
        "--bind",
        "127.0.0.1:{port}",
        APP,
    ],
    "waitress": [
        "waitress-serve",
        "--no-clear-untrusted-proxy-headers",
        "--listen",
        "127.0.0.1:{port}",
        APP,
    ],
    "werkzeug": [sys.executable, "-m", "tests.examples.environ", "werkzeug", "{port}"],
    "wsgiref": [sys.executable, "-m", "tests.examples.environ", "wsgiref", "{port}"],
}
MAP_UNDERSCORES = {"gunicorn", "wsgiref"}
OURS = (
    "Limpet-Key",
    "Limpet-Session",
    "Limpet-Version",
    "Limpet-State",
    "Limpet-Takeover",
    "Limpet-TTL",
    "Limpet-Whatever-Comes",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Request-Id",
)
CONFIG = """
listen: 127.0.0.1:8080
admin: {{listen: 127.0.0.1:9900}}
services:
  app:
    nodes:
      - {{name: a, url: "http://127.0.0.1:{port}"}}
access_log: {{format: "off"}}
"""


def spellings(name: str) -> set[str]:
    """The ways to write a name that WSGI maps to one."""
    first, _, rest = name.partition("-")
    mixed = f"{first}_{rest}"
    return {name, name.replace("-", "_"), mixed, name.upper(), name.lower().replace("-", "_")}


def exchange(port: int, head: str) -> dict[str, str]:
    """Sends `head` as it stands, and returns the environ that the app answers with."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        answer = b""
        while received := connection.recv(65536):
            answer += received
    status_line, _, rest = answer.partition(b"\r\n")
    assert b" 200 " in status_line, answer
    told: dict[str, str] = json.loads(rest.partition(b"\r\n\r\n")[2])
    return told


def request(*lines: str, connection: str = "close") -> str:
    fields = "".join(f"{line}\n" for line in lines)
    return f"GET / HTTP/1.1\nHost: app.test\nConnection: {connection}\nX-Honest: yes\n{fields}\n"


class Ports(NamedTuple):
    server: str
    direct: int
    through: int


@pytest.fixture(params=SERVERS, scope="module")
def ports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    server: str = request.param
    directory: Path = tmp_path_factory.mktemp(server)
    port = free_port()
    command = [word.format(port=port) for word in SERVERS[server]]
    with running(command, directory / "app.log") as process:
        process.serves(f"http://127.0.0.1:{port}/")
        with limpet(CONFIG.format(port=port), directory) as proxy:
            yield Ports(server, port, proxy.port)


@pytest.mark.parametrize("name", OURS)
def test_no_spelling_reaches_the_app(ports: Ports, name: str) -> None:
    for spelling in sorted(spellings(name)):
        told = exchange(ports.through, request(f"{spelling}: forged"))
        assert "forged" not in " ".join(told.values()), spelling
        assert told["HTTP_X_HONEST"] == "yes"


def test_all_at_once_change_nothing_of_what_limpet_says(ports: Ports) -> None:
    everything = [f"{spelling}: forged" for name in OURS for spelling in sorted(spellings(name))]
    told = exchange(ports.through, request(*everything))
    assert "forged" not in " ".join(told.values())
    assert told["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert told["HTTP_X_FORWARDED_PROTO"] == "http"
    assert told["HTTP_X_FORWARDED_HOST"] == "app.test"
    assert not [header for header in told if header.startswith("HTTP_LIMPET")]


def test_connection_cannot_take_away_what_limpet_says(ports: Ports) -> None:
    named = "close, X-Forwarded-For, X-Forwarded-Proto, X_Forwarded_Host, Host, Cookie, X-Honest"
    told = exchange(ports.through, request("Cookie: mine=1", connection=named))
    assert told["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert told["HTTP_X_FORWARDED_PROTO"] == "http"
    assert told["HTTP_HOST"] == "app.test"
    assert told["HTTP_COOKIE"] == "mine=1"
    assert "HTTP_X_HONEST" not in told  # an ordinary field is hop-by-hop when Connection names it


def test_without_limpet_the_apps_do_believe_it(ports: Ports) -> None:
    told = exchange(ports.direct, request("X-Forwarded-For: forged", "Limpet-Key: forged"))
    assert told["HTTP_X_FORWARDED_FOR"] == told["HTTP_LIMPET_KEY"] == "forged"
    if ports.server in MAP_UNDERSCORES:
        told = exchange(ports.direct, request("X_Forwarded_For: forged", "Limpet_Key: forged"))
        assert told["HTTP_X_FORWARDED_FOR"] == told["HTTP_LIMPET_KEY"] == "forged"
