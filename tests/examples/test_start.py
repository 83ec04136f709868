"""The one command of the examples' pages: three nodes and Limpet, all gone with it."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.examples.people import User
from tests.examples.running import BACKENDS, free_port, nobody_at, running, until


def three_ports(taken: set[int]) -> list[int]:
    """Three in a row, as the script takes them."""
    while True:
        first = free_port()
        ports = [first, first + 1, first + 2]
        if taken.isdisjoint(ports) and all(map(nobody_at, ports)):
            return ports


def with_ports(folder: Path, ports: dict[int, int]) -> None:
    """Puts other ports into all files, in place of those that somebody may listen on."""
    for file in (path for path in folder.rglob("*") if path.suffix in (".sh", ".yaml")):
        text = file.read_text()
        for old, new in ports.items():
            text = text.replace(str(old), str(new))
        file.write_text(text)


@contextmanager
def all_of(group: int) -> Iterator[None]:
    """Ends a group of processes, also when the one that it is named after has gone."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def test_three_nodes_behind_limpet_by_one_command(tmp_path: Path) -> None:
    shutil.copy(BACKENDS / "start.sh", tmp_path)
    shutil.copytree(BACKENDS / "aiohttp", tmp_path / "aiohttp")
    listen, admin = free_port(), free_port()
    nodes = three_ports({listen, admin})
    with_ports(tmp_path, dict(zip((9001, 9002, 9003, 8080, 9900), (*nodes, listen, admin), strict=True)))
    command = ["sh", str(tmp_path / "start.sh"), "aiohttp", "replication"]
    with running(command, tmp_path / "log", {"LIMPET_NODE_KEY": ""}) as process, all_of(process.pid):
        process.serves(f"http://127.0.0.1:{admin}/readyz")
        for port in nodes:
            process.serves(f"http://127.0.0.1:{port}/healthz")
        user = User(0, f"http://127.0.0.1:{listen}")
        with closing(user.browser):
            assert user.login()[1:] == (user.before.count + 1, user.name)
        os.kill(process.pid, signal.SIGTERM)  # nobody else is told
        until(lambda: all(map(nobody_at, (*nodes, listen, admin))), "everything has ended with it")
