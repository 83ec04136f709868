"""Real processes for tests: app servers and Limpet itself, each ended by its own id."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parent.parent.parent
BACKENDS = ROOT / "examples" / "backends"
START_SECONDS = 60.0
NODE_KEY = "what-the-proxy-and-these-nodes-share"
# Below the range from which the system takes ports for outgoing connections, which could be in the way; a
# part of it for each of the processes that run tests side by side. What Limpet and the benches choose for
# themselves is above (control.children.SPARE_PORTS), and so is what a Redis of a Cluster adds to its own.
PART = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4
PORTS = range(10_000 + 2000 * PART, 10_000 + 2000 * (PART + 1))
BUS = 10_000  # above its port
_GIVEN: deque[int] = deque(maxlen=500)  # of late: whoever asked may not listen yet


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, nor will, nor on that of its Cluster's bus."""
    while True:
        port = random.choice(PORTS)
        if port not in _GIVEN and nobody_at(port) and nobody_at(port + BUS):
            _GIVEN.append(port)
            return port


def nobody_at(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Returns as soon as `condition` holds; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not so: {what}"
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether `url` is answered with 200."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


class Running:
    """A process with all that it starts, in a group of its own; its output is in the file `log`."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        bin_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PATH": bin_first, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def serves(self, url: str) -> None:
        """Waits until `url` is answered; fails with the process's output if it ended instead."""
        until(lambda: not self.alive or answers(url), f"{url} is answered")
        assert self.alive, f"{self._process.args} ended:\n{self.log.read_text()[-3000:]}"

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._signal(signal.SIGKILL)
        self._process.wait(60)

    def stop(self) -> int:
        """Ends it in order, by force if that takes too long; the exit code."""
        self._signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _signal(self, number: int) -> None:
        if self.alive:
            os.killpg(self._process.pid, number)


@contextmanager
def running(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A process that is gone afterwards, whatever the test did."""
    process = Running(command, log, env)
    try:
        yield process
    finally:
        process.kill()


class Limpet:
    """A running Limpet: where it listens, and what it counts."""

    def __init__(self, port: int, admin_port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0.0 if there are none."""
        text = httpx.get(f"{self.admin_url}/metrics", trust_env=False, timeout=60).raise_for_status().text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@contextmanager
def limpet(config: str, directory: Path) -> Iterator[Limpet]:
    """Limpet with this configuration, in which `listen: 127.0.0.1:8080` and the admin's 9900 are replaced."""
    port, admin_port = free_port(), free_port()
    for default, ours in (("127.0.0.1:8080", port), ("127.0.0.1:9900", admin_port)):
        assert default in config, f"the configuration does not say {default}"
        config = config.replace(default, f"127.0.0.1:{ours}")
    file = directory / "proxy.yaml"
    file.write_text(config)
    command = [sys.executable, "-m", "proxy", "run", "-c", str(file)]
    with running(command, directory / "limpet.log") as process:
        it = Limpet(port, admin_port)
        process.serves(f"{it.admin_url}/readyz")
        yield it
        assert process.alive, f"Limpet ended by itself:\n{process.log.read_text()[-3000:]}"


class Example:
    """One of `examples/backends`: three nodes of it, started by its own `node.sh`.

    `replication`: with the SDK, as `start.sh NAME replication` does it. `env`: what else the nodes need.
    """

    def __init__(
        self, name: str, directory: Path, replication: bool = False, env: Mapping[str, str] | None = None
    ) -> None:
        self._script = BACKENDS / name / "node.sh"
        self._directory = directory
        with_sdk = {"APP": "app_limpet", "LIMPET_NODE_KEY": NODE_KEY} if replication else {}
        self._env = {**with_sdk, **(env or {})}
        self.ports = {node: free_port() for node in "abc"}
        file = "proxy-replication.yaml" if replication else "proxy.yaml"
        self.config = (BACKENDS / name / file).read_text().replace("${LIMPET_NODE_KEY}", NODE_KEY)
        for default, port in zip((9001, 9002, 9003), self.ports.values(), strict=True):
            self.config = self.config.replace(f"127.0.0.1:{default}", f"127.0.0.1:{port}")
        self.nodes: dict[str, Running] = {}

    def start(self, node: str) -> None:
        """Starts a node; `serves` waits for it."""
        port = self.ports[node]
        env = {**self._env, "NODE": node, "PORT": str(port)}
        self.nodes[node] = Running(["sh", str(self._script)], self._directory / f"{node}.log", env)

    def serves(self, node: str) -> None:
        self.nodes[node].serves(f"http://127.0.0.1:{self.ports[node]}/healthz")


@contextmanager
def example(
    name: str, directory: Path, replication: bool = False, env: Mapping[str, str] | None = None
) -> Iterator[Example]:
    """Three nodes of the example `name`, serving."""
    it = Example(name, directory, replication, env)
    try:
        for node in it.ports:
            it.start(node)
        for node in it.ports:
            it.serves(node)
        yield it
    finally:
        for process in it.nodes.values():
            process.kill()
