"""`python -m bench.takeover`: one of five nodes, with 10,000 sessions together, is killed at half load.

That is half the rate at which requests were answered one upon the other just before. They are reads and
writes at random, of sessions at random; every answer must have its session's count. The next request of each
session that the node had is timed from when it was due. Written to bench/results-takeover.md.
"""

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path

from bench import contenders
from bench.answers import mark
from bench.client import WrongAnswer
from bench.contenders import Contender
from bench.figures import percentile
from bench.load import Load
from bench.machine import described
from bench.performing import perform
from bench.processes import PROXY_CORE, free_port, running, wait_for
from bench.report import markdown
from bench.sessions.browser import READ, WRITE, Browser
from bench.sessions.setups import STARLETTE, app_servers, wait_for_all
from bench.work import Work

NAMES = ("n1", "n2", "n3", "n4", "n5")
VICTIM = mark(NAMES[0])
NODE_KEY = "a-key-for-the-bench"
SPEAKERS = replace(READ, clients=64)
WARM_SECONDS = 3.0  # as fast as it goes
BEFORE_SECONDS = 1.0  # paced, until the kill
PATIENCE_SECONDS = 60.0  # for all sessions to begin
LIMIT_SECONDS = 0.25
LIMIT_SHARE = 1.5
RESULTS = Path(__file__).parent / "results-takeover.md"
ALL = (
    ("Limpet", contenders.LIMPET, 1),
    ("Limpet, two workers", contenders.LIMPET, 2),
    ("Limpet compiled", contenders.COMPILED, 1),
)
NOTES = """\
How to read it: `sessions` are those that the killed node had, each with a copy on one of the other four;
`requests/s` is half of what was answered just before as fast as it goes (reads and writes, 64 connections;
proxy on one core, nodes and load on the other). Times are of the next request of each of these sessions, from
when it was due. `share` is what the node that got most of them had, as a multiple of a fair share; `failed`:
those of these requests that were not answered well; `cut`: requests that the node was working on when it was
killed. Every answer had the count of writes that its session had been told. `held`: none failed, p99 at most
250 ms, no node above 1.5 times its fair share."""


@dataclass(slots=True, eq=False)
class Session:
    """What a browser knows of one. `mark`: of the node that answered last."""

    count: int = 0  # of its writes
    asking: bool = False  # nobody else speaks for it now: two writes at once have no order
    mark: bytes = b""
    jar: dict[bytes, bytes] = field(default_factory=dict)
    read: bytes = READ.request(b"")
    write: bytes = WRITE.request(b"")


class Crowd:
    """All sessions, in an order drawn at random, and what becomes of those of the node that is killed."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.lost: set[int] = set()  # the node's, by id, that have not come back yet
        self.seconds: list[float] = []  # of their next requests
        self.nodes: Counter[bytes] = Counter()  # which answered these
        self.failed = 0  # of these
        self.cut = 0  # requests that were under way when it was killed, and failed
        self._gone = inf  # when the node was
        self._queue: Iterator[Session] = iter(())

    def begin(self, count: int) -> None:
        """So many strangers are the next to come."""
        strangers = [Session() for _ in range(count)]
        self.sessions += strangers
        self._queue = iter(strangers)

    def next(self) -> Session:
        for session in self._queue:
            if not session.asking:
                return session
        if not self.lost:  # after the kill all come once before any comes again
            random.Random(1).shuffle(self.sessions)
        self._queue = iter(self.sessions)
        return next(session for session in self._queue if not session.asking)

    def kill(self, pid: int) -> None:
        """Returns when the node has gone: until then the kernel takes what is sent to it."""
        self.lost = {id(one) for one in self.sessions if one.mark == VICTIM}
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self._gone = time.perf_counter()

    def answered(self, session: Session, seconds: float, good: bool) -> None:
        """After so long. Raises WrongAnswer where one has failed that had no reason to."""
        before = time.perf_counter() - seconds < self._gone
        if id(session) not in self.lost:
            if not good:
                raise WrongAnswer("a session failed that had been taken over, or was never the node's")
        elif not (before and good):  # one that was answered by the node itself has yet to come
            self.lost.discard(id(session))
            self.cut += before
            if before:  # nobody knows whether it has written
                self.sessions.remove(session)
            else:
                self.seconds.append(seconds)
                self.nodes[session.mark] += good
                self.failed += not good


class Visitor(Browser):
    """Speaks for one session after the other."""

    __slots__ = ("crowd", "session")

    def __init__(self, crowd: Crowd, port: int, work: Work, epoll: select.epoll, number: int) -> None:
        super().__init__(port, work, epoll, number)
        self.crowd = crowd
        self.session = Session()

    def send(self) -> None:
        self.session = one = self.crowd.next()
        one.asking = True
        self.count, self.mark, self.jar = one.count, one.mark, one.jar
        self.template, self.writes = one.read, one.write
        super().send()

    def check(self, head: bytes, body: bytes) -> None:
        one, (_, seconds) = self.session, self.took.pop()
        one.asking = False
        good = head.startswith(b"HTTP/1.1 200 ")
        if good:
            super().check(head, body)
            one.count, one.mark = self.count, self.mark
            one.read, one.write = self.template, self.writes
        self.crowd.answered(one, seconds, good)


@contextmanager
def started(known: Contender, workers: int, folder: Path) -> Iterator[tuple[int, int]]:
    """Everything up; where to ask, and the process of the node that is to be killed."""
    with ExitStack() as stack:
        wheres = [f"127.0.0.1:{free_port()}" for _ in NAMES]
        ports, pids = stack.enter_context(app_servers(STARLETTE, "limpet", wheres, folder, NAMES))
        port = free_port()
        nodes = [
            {"name": name, "url": f"http://127.0.0.1:{at}", "sessions_url": f"http://{where}"}
            for name, at, where in zip(NAMES, ports, wheres, strict=True)
        ]
        shop = {
            "nodes": nodes,
            "sessions": {"strategy": "replication", "replicas": 1, "ack": "sync"},
            "health": {"path": "/health"},
        }
        settings = {
            "listen": f"127.0.0.1:{port}",
            "admin": {"listen": f"127.0.0.1:{free_port()}"},
            "workers": workers,
            "secrets": ["a-secret-for-the-bench"],
            "node_keys": [NODE_KEY],
            "services": {"shop": shop},
            "access_log": {"format": "off"},
        }
        file = folder / "proxy.yaml"
        file.write_text(json.dumps(settings))
        command = [sys.executable, "-m", "proxy", "run", "-c", str(file)]
        environment = known.environment(folder)
        process = stack.enter_context(running(command, PROXY_CORE, folder, "limpet", environment))
        wait_for(process, port, folder / "limpet.out", 30)
        wait_for_all(port, names=NAMES)
        yield port, pids[0]


def measured(name: str, known: Contender, workers: int, sessions: int, folder: Path) -> list[str]:
    """One row of the table. Raises WrongAnswer, Failed."""
    crowd = Crowd()
    with (
        started(known, workers, folder) as (port, victim),
        closing(Load(port, SPEAKERS, partial(Visitor, crowd))) as load,
    ):
        crowd.begin(sessions)
        load.saturate(PATIENCE_SECONDS, sessions)
        load.settle()
        rate = load.saturate(WARM_SECONDS, 1_000_000) / WARM_SECONDS / 2
        load.settle()
        timer = threading.Timer(BEFORE_SECONDS, crowd.kill, (victim,))
        timer.start()
        load.pace(rate, BEFORE_SECONDS + len(crowd.sessions) / rate)
        timer.join()
        while crowd.lost:
            load.pace(rate, 1.0)
    return row(name, rate, crowd)


def row(name: str, rate: float, crowd: Crowd) -> list[str]:
    late = percentile(crowd.seconds, 0.99)
    share = max(crowd.nodes.values()) * (len(NAMES) - 1) / len(crowd.seconds)
    held = not crowd.failed and late <= LIMIT_SECONDS and share <= LIMIT_SHARE
    return [
        name,
        f"{len(crowd.seconds):,}",
        f"{rate:.0f}",
        *(f"{1000 * percentile(crowd.seconds, part):.1f}" for part in (0.5, 0.99, 1.0)),
        f"{share:.2f}",
        str(crowd.failed),
        str(crowd.cut),
        "yes" if held else "no",
    ]


def document(rows: Sequence[Sequence[str]], arguments: Sequence[str]) -> str:
    """All of bench/results-takeover.md."""
    head = ["", "sessions", "requests/s", "p50 ms", "p99 ms", "longest", "share", "failed", "cut", "held"]
    command = " ".join(["python -m bench.takeover", *arguments])
    lines = "\n".join(f"- {line}" for line in described())
    return "\n\n".join(["# Takeovers", f"`{command}`", markdown([head, *rows]), NOTES, lines]) + "\n"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.takeover", description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=10_000, help="of all nodes (default: 10,000)")
    parser.add_argument("--only", metavar="NAME", help="this row alone; writes no file")
    return parser.parse_args(arguments)


def takeovers(options: argparse.Namespace) -> None:
    """Every row, or the one that is asked for."""
    rows = []
    for name, known, workers in ALL:
        if known.found() and options.only in (None, name):
            print(f"bench: {name} ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                rows.append(measured(name, known, workers, options.sessions, Path(folder)))
    text = document(rows, sys.argv[1:])
    print(text)
    if options.only is None:
        RESULTS.write_text(text)


def main() -> int:
    options = parsed(sys.argv[1:])
    return perform(lambda: takeovers(options))


if __name__ == "__main__":
    sys.exit(main())
