"""`python -m bench.steady.stalls`: what keeps the event loop, beside a load of reads and writes of sessions.

Limpet has 200 nodes, sessions in an embedded store, and in turn: clients that hardly read, an upload of 1 GB,
scrapes, reloads that change a service of 100 nodes, all of it at once. It counts its own stalls; a second
column has all delays, which on a machine with fewer cores than processes are mostly others' doing.
"""

import argparse
import itertools
import json
import socket
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.answers import NAMES
from bench.load import Load
from bench.machine import described
from bench.processes import PROXY_CORE, free_port, running, wait_for
from bench.sessions.browser import READ, Browser
from bench.sessions.setups import STARLETTE, app_servers, wait_for_all
from bench.steady.many import many
from bench.steady.scraped import Scrape, above, grown, longest

NODE_KEY = "a-key-for-the-bench"
UPLOAD_BYTES = 1 << 30
LARGE = 100  # nodes of the service that a reload changes
SMALL = 20  # services of five nodes
SLOW_CLIENTS = 20

Act = Callable[["Stage"], None]


@dataclass
class Stage:
    """A Limpet that is up. `over` is set when an act is to end."""

    port: int
    admin: int
    file: Path
    ports: Sequence[int]  # of the plain nodes
    shop: Sequence[dict[str, object]]  # the nodes with sessions
    over: threading.Event = field(default_factory=threading.Event)
    done: int = 0  # how often an act has been done

    def write(self, changed: bool) -> None:
        """The configuration, and another one that has one node more and other weights."""
        nodes = [node(number, port) for number, port in enumerate(self.ports[: LARGE + changed])]
        nodes[0] = {**nodes[0], "weight": 1 + changed}
        services: dict[str, Any] = {
            "shop": {"nodes": self.shop, "sessions": {"strategy": "store", "store": "local"}},
            "large": {"nodes": nodes},
        }
        for each in range(SMALL):
            first = LARGE + 1 + each * 5
            ports = self.ports[first : first + 5]
            services[f"s{each}"] = {"nodes": [node(number, port) for number, port in enumerate(ports)]}
        for service in services.values():
            service["health"] = {"path": "/health"}
        routes = [
            {"path": "/", "service": "shop"},
            *({"path": path, "service": "large"} for path in ("/1m", "/upload")),
            *({"path": f"/s{each}", "service": f"s{each}"} for each in range(SMALL)),
        ]
        settings = {
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{self.admin}"},
            "secrets": ["a-secret-for-the-bench"],
            "node_keys": [NODE_KEY],
            "stores": {"local": {"embedded": str(self.file.with_name("sessions.db"))}},
            "services": services,
            "routes": routes,
            "limits": {"body": "2GiB"},
            "access_log": {"format": "off"},
        }
        self.file.write_text(json.dumps(settings))


def node(number: int, port: int) -> dict[str, object]:
    return {"name": f"n{number}", "url": f"http://127.0.0.1:{port}"}


def nothing(stage: Stage) -> None:
    """The load alone: reads and writes, which the store flushes."""
    stage.over.wait()


def slow_clients(stage: Stage) -> None:
    """Each takes 4 KiB of a megabyte ten times a second."""
    with ExitStack() as stack:
        clients = [stack.enter_context(narrow(stage.port)) for _ in range(SLOW_CLIENTS)]
        for client in clients:
            client.sendall(b"GET /1m HTTP/1.1\r\nHost: bench.example\r\n\r\n")
        while not stage.over.wait(0.1):
            for client in clients:
                client.recv(4096)
                stage.done += 1


def narrow(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    return client


def upload(stage: Stage) -> None:
    """One of a gigabyte after the other."""
    block = b"u" * (1 << 20)
    head = f"POST /upload HTTP/1.1\r\nHost: bench.example\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n"
    while not stage.over.is_set():
        with socket.create_connection(("127.0.0.1", stage.port), timeout=30) as client:
            client.sendall(head.encode())
            for _ in range(UPLOAD_BYTES // len(block)):
                client.sendall(block)
                if stage.over.is_set():
                    return
            assert client.recv(12) == b"HTTP/1.1 200"
            stage.done += 1


def scrape(stage: Stage) -> None:
    while not stage.over.wait(0.2):
        with urllib.request.urlopen(f"http://127.0.0.1:{stage.admin}/metrics", timeout=30) as answer:
            answer.read()
        stage.done += 1


def reload(stage: Stage) -> None:
    for changed in itertools.cycle((True, False)):
        if stage.over.wait(0.3):
            return
        stage.write(changed)
        asked = urllib.request.Request(f"http://127.0.0.1:{stage.admin}/api/reload", b"{}", method="POST")
        asked.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            answer.read()
        stage.done += 1


def everything(stage: Stage) -> None:
    others = [threading.Thread(target=act, args=(stage,)) for act in (slow_clients, upload, scrape, reload)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()


ACTS: dict[str, Act] = {
    "nothing else": nothing,
    "slow clients": slow_clients,
    "uploads of 1 GB": upload,
    "scrapes": scrape,
    "reloads": reload,
    "all of it": everything,
}


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Everything up."""
    with ExitStack() as stack:
        ports = stack.enter_context(many(LARGE + 1 + 5 * SMALL, folder))
        endpoints = [free_port() for _ in NAMES]
        wheres = [f"127.0.0.1:{port}" for port in endpoints]
        apps, _ = stack.enter_context(app_servers(STARLETTE, "limpet", wheres, folder))
        shop: list[dict[str, object]] = [
            {"name": n, "url": f"http://127.0.0.1:{port}", "sessions_url": f"http://{where}"}
            for n, port, where in zip(NAMES, apps, wheres, strict=True)
        ]
        stage = Stage(free_port(), free_port(), folder / "proxy.yaml", ports, shop)
        stage.write(changed=False)
        command = [sys.executable, "-m", "bench.steady.limpet", "run", "-c", str(stage.file)]
        process = stack.enter_context(running(command, PROXY_CORE, folder, "limpet"))
        wait_for(process, stage.port, folder / "limpet.out", 30)
        wait_for_all(stage.port)
        yield stage


def measured(stage: Stage, name: str, rate: float, seconds: float) -> str:
    """One row of the table."""
    stage.over.clear()
    stage.done = 0
    with closing(Load(stage.port, READ, Browser)) as load:
        load.pace(rate, 0.5)
        thread = threading.Thread(target=ACTS[name], args=(stage,))
        before = Scrape(stage.admin)
        thread.start()
        load.pace(rate, seconds)
        after = Scrape(stage.admin)
        stage.over.set()
        load.settle()
    thread.join()
    cells = []
    for metric in ("limpet_loop_stall_seconds", "limpet_loop_delay_seconds"):
        counts = grown(metric, before, after)
        cells += [f"{above(counts, 0.005)}", f"{1000 * longest(counts):g} ms"]
    busy = (after.total("process_cpu_seconds_total") - before.total("process_cpu_seconds_total")) / seconds
    return f"| {name} | {stage.done or ''} | {busy:.0%} | " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.steady.stalls", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of each row (default: 8)")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second (default: 300)")
    parser.add_argument("--only", choices=sorted(ACTS), help="this row alone")
    options = parser.parse_args()
    print("| beside the load | times | CPU | stalls over 5 ms | longest up to | delays over 5 ms | up to |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        staged(Path(folder)) as stage,
    ):
        for name in [options.only] if options.only else ACTS:
            print(measured(stage, name, options.rate, options.seconds), flush=True)
    print("\n" + "\n".join(described()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
