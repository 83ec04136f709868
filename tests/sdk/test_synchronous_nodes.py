"""Two nodes behind Limpet whose one worker does one thing at a time: neither ever waits for the other's."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.examples.running import NODE_KEY, Limpet, limpet, until
from tests.sdk.remote import PATIENCE, Remote, remote

GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "tests.sdk.flask_app:app")
ONE = (*GUNICORN, "-w", "1")
CONFIG = """
listen: 127.0.0.1:8080
admin: {{listen: 127.0.0.1:9900}}
secrets: ["a secret for this test, long enough"]
node_keys: ["{key}"]
services:
  shop:
    nodes:
{nodes}
    sessions: {{strategy: replication, ack_timeout: 60s}}
    health: {{path: /healthz, interval: 1s, fall: 100}}
"""


class Scene(NamedTuple):
    nodes: list[Remote]
    limpet: Limpet

    def count(self, name: str, **labels: str) -> float:
        return self.limpet.metric(f"limpet_{name}", service="shop", **labels)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        nodes = []
        for name in "ab":
            folder = tmp_path_factory.mktemp(name)
            env = {"TMPDIR": str(folder), "LIMPET_NODE_KEYS": NODE_KEY}
            nodes.append(stack.enter_context(remote(ONE, folder / "log", env, endpoint=True)))
        lines = [
            f'      - {{name: {name}, url: "{node.url}", sessions_url: "{node.sessions_url}"}}'
            for name, node in zip("ab", nodes, strict=True)
        ]
        config = CONFIG.format(key=NODE_KEY, nodes="\n".join(lines))
        proxy = stack.enter_context(limpet(config, tmp_path_factory.mktemp("proxy")))
        scene = Scene(nodes, proxy)
        until(lambda: scene.count("node_up") == 2, "both nodes are up")
        yield scene


class Browser:
    """Somebody with a session, on one of the nodes."""

    def __init__(self, scene: Scene, address: str) -> None:
        transport = httpx.HTTPTransport(local_address=address)
        self.http = httpx.Client(base_url=scene.limpet.url, transport=transport, timeout=PATIENCE)
        self.ask("/put?a=1")
        self.count = 0

    def ask(self, path: str) -> httpx.Response:
        answer = self.http.post(path)
        assert answer.status_code == 200, answer.text
        return answer

    def add(self, times: int) -> None:
        for _ in range(times):
            self.count += 1
            assert len(self.ask("/cart").json()) == self.count


@pytest.fixture
def browsers(scene: Scene) -> Iterator[list[Browser]]:
    """Some on each node, told apart by the process that answers."""
    # From different addresses: what comes from one at once goes to one node.
    found = [Browser(scene, f"127.0.0.{i}") for i in range(2, 18)]
    try:
        pids = {browser.ask("/put?b=1").json()["pid"] for browser in found}
        assert len(pids) == 2, "all are on one node, so nothing is shown"
        yield found
    finally:
        for browser in found:
            browser.http.close()


def test_a_write_does_not_wait_for_the_other_nodes_worker(
    scene: Scene, browsers: list[Browser], tmp_path: Path
) -> None:
    by_pid = {browser.ask("/put?c=1").json()["pid"]: browser for browser in browsers}
    one, two = by_pid.values()
    begun, release = tmp_path / "begun", tmp_path / "release"
    holding = threading.Thread(target=one.ask, args=(f"/hold?begun={begun}&until={release}",))
    holding.start()
    try:
        until(begun.exists, "the one node's worker is busy")
        began = time.monotonic()
        two.ask("/put?d=1")
        took = time.monotonic() - began
    finally:
        release.touch()
        holding.join(PATIENCE)
    assert took < 30, "it waited for the other node's worker, or for ack_timeout"
    assert scene.count("sessions_unprotected") == 0


def test_parallel_writes_on_both_are_all_copied(scene: Scene, browsers: list[Browser]) -> None:
    with ThreadPoolExecutor(len(browsers)) as threads:
        list(threads.map(lambda browser: browser.add(10), browsers))
    assert scene.count("sessions_unprotected") == 0
    assert scene.count("session_writes_total", result="unprotected") == 0
    assert scene.count("session_writes_total") >= 160
