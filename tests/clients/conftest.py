"""Two nodes and Limpet, started once for all clients; each client in turn."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.adapters import Client, Curl, Httpx, NodeFetch, Requests
from tests.examples.running import Limpet, answers, free_port, limpet, running

CONFIG = """
listen: 127.0.0.1:8080
admin: {{listen: 127.0.0.1:9900}}
services:
  app:
    nodes:
      - {{name: a, url: "http://127.0.0.1:{a}"}}
      - {{name: b, url: "http://127.0.0.1:{b}"}}
limits: {{body: 64MiB}}
access_log: {{format: "off"}}
"""


class Site(NamedTuple):
    """Limpet, and the ports of the nodes behind it."""

    limpet: Limpet
    nodes: dict[str, int]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory: Path = tmp_path_factory.mktemp("clients")
    ports = {name: free_port() for name in "ab"}
    with ExitStack() as stack:
        for name, port in ports.items():
            command = [sys.executable, "-m", "tests.clients.node", name, str(port)]
            node = stack.enter_context(running(command, directory / f"{name}.log"))
            node.serves(f"http://127.0.0.1:{port}/echo")
        proxy = stack.enter_context(limpet(CONFIG.format(**ports), directory))
        assert answers(f"{proxy.url}/echo")
        yield Site(proxy, ports)


@pytest.fixture(params=["curl", "requests", "httpx", "fetch"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    made: dict[str, Client] = {
        "curl": Curl(tmp_path),
        "requests": Requests(),
        "httpx": Httpx(),
        "fetch": NodeFetch(),
    }
    return made[request.param]
