"""`python -m bench.steady.memory`: resident memory for each idle keep-alive client, and whether it stays so.

Every client makes two requests, the second with the cookie that it got, and then keeps its connection.
With `--tls` it speaks TLS. With `--minutes` connections come and go afterwards, `--rate` a second, and the
memory is looked at.
"""

import argparse
import random
import resource
import select
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bench import contenders
from bench.client import BIND_NO_PORT, own_address
from bench.leaks import sample
from bench.machine import described
from bench.other_clients import CONTEXT
from bench.processes import nodes
from bench.work import SMALL, Kind

WARM = 200  # connections before the first look
PAGES = 20  # looks during the churn
QUIET_SECONDS = 1.0  # before a look: what the last answers needed is freed with a tick, which nobody sees


class Idle(NamedTuple):
    """A client that has been answered and keeps quiet."""

    sock: socket.socket
    cookie: bytes


def visited(port: int, number: int, tls: bool) -> Idle:
    """A stranger's request, and another one with what the answer set."""
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_IP, BIND_NO_PORT, 1)
    sock.bind((own_address(number), 0))
    sock.connect(("127.0.0.1", port))
    if tls:
        sock = CONTEXT.wrap_socket(sock, server_hostname="bench.example")
    first = asked(sock, b"")
    cookie = next(
        line[12:].partition(b";")[0]
        for line in first.split(b"\r\n")
        if line.lower().startswith(b"set-cookie:")
    )
    asked(sock, cookie)
    return Idle(sock, cookie)


def asked(sock: socket.socket, cookie: bytes) -> bytes:
    """The answer, head and body."""
    sock.sendall(SMALL.request(cookie))
    answer = b""
    while len(answer.partition(b"\r\n\r\n")[2]) < 64:
        data = sock.recv(4096)
        if not data:
            raise ConnectionError(f"closed after {answer!r}")
        answer += data
    return answer


def grown(pid: int, port: int, count: int, tls: bool) -> tuple[list[Idle], float]:
    """The clients, and bytes for each of those after the first."""
    clients = [visited(port, number, tls) for number in range(WARM)]
    time.sleep(QUIET_SECONDS)
    before = sample(pid).memory
    clients += [visited(port, number, tls) for number in range(WARM, WARM + count)]
    time.sleep(QUIET_SECONDS)
    return clients, (sample(pid).memory - before) / count


def churned(pid: int, port: int, clients: list[Idle], tls: bool, rate: float, minutes: float) -> list[float]:
    """Have clients leave and others come; the memory in MiB, looked at every so often."""
    chance, looks = random.Random(1), []
    begin = time.monotonic()
    for look in range(1, PAGES + 1):
        until = begin + 60 * minutes * look / PAGES
        while time.monotonic() < until:
            at = chance.randrange(len(clients))
            clients[at].sock.close()
            clients[at] = visited(port, chance.randrange(1000), tls)
            select.select([], [], [], 1 / rate)
        looks.append(sample(pid).memory / 2**20)
        print(f"{60 * minutes * look / PAGES:6.0f} s: {looks[-1]:.1f} MiB", file=sys.stderr, flush=True)
    return looks


def measured(contender: contenders.Contender, options: argparse.Namespace, folder: Path) -> str:
    """One row."""
    with ExitStack() as stack:
        ports = stack.enter_context(nodes(folder))
        up = stack.enter_context(contenders.started(contender, ports, folder / "proxy"))
        empty = sample(up.pid).memory
        port = up.tls_port if options.tls else up.port
        clients, each = grown(up.pid, port, options.connections, options.tls)
        looks: Sequence[float] = []
        if options.minutes:
            looks = churned(up.pid, port, clients, options.tls, options.rate, options.minutes)
        for client in clients:
            client.sock.close()
    course = f"{looks[0]:.1f} to {looks[-1]:.1f} MiB, most {max(looks):.1f}" if looks else ""
    return f"| {contender.name} | {empty / 2**20:.1f} MiB | {each / 1024:.2f} KiB | {course} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.steady.memory", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--tls", action="store_true", help="each connection over TLS")
    parser.add_argument("--minutes", type=float, default=0.0, help="of connections that come and go")
    parser.add_argument("--rate", type=float, default=50.0, help="of these, a second")
    parser.add_argument("--only", help="a contender, as the table names it")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print("| | at the start | for each connection | while they come and go |\n|---|---|---|---|", flush=True)
    for known in (contenders.LIMPET, contenders.COMPILED):
        if known.found() and options.only in (None, known.name):
            kinds = frozenset({Kind.TLS}) if options.tls else known.kinds  # whose port has to listen
            contender = replace(known, config="limpet-idle.yaml", kinds=kinds)
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                print(measured(contender, options, Path(folder)), flush=True)
    print("\n" + "\n".join(described()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
