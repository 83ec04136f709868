"""The contenders of the sessions' bench: a proxy, its three nodes, and a Redis where one is needed."""

import itertools
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench import contenders
from bench.answers import MARK, NAMES
from bench.client import WrongAnswer
from bench.contenders import Contender
from bench.processes import LOAD_CORE, PROXY_CORE, Failed, free_port, running, wait_for
from bench.verify import ask

STARLETTE = (sys.executable, "-m", "bench.sessions.app")
EXPRESS = ("node", "bench/sessions/express_app.js")


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to keep sessions. `keeping`: what the app is told (bench.sessions.app); `app`: its command."""

    name: str
    proxy: Contender
    keeping: str
    redis: bool = False
    app: tuple[str, ...] = STARLETTE

    def missing(self) -> str:
        """The program that is not on this machine; empty where all are."""
        if not self.proxy.found():
            return self.proxy.program
        if not shutil.which(self.app[0]):
            return self.app[0]
        return "redis-server" if self.redis and not shutil.which("redis-server") else ""


@dataclass(frozen=True, slots=True)
class Up:
    """A contender that is up: the processes of each of its parts, and ports where to ask."""

    name: str
    port: int
    parts: Mapping[str, Sequence[int]]  # process ids
    node_ports: Sequence[int]
    redis_port: int = 0


def limpet(sessions: str, stores: str = "", known: Contender = contenders.LIMPET) -> Contender:
    return replace(known, config="limpet-sessions.yaml", values={"SESSIONS": sessions, "STORES": stores})


COPIES = "strategy: replication, replicas: 1, ack: sync"
REPLICATION = Setup("Limpet replication", limpet(COPIES), "limpet")
COMPILED = Setup("Limpet replication compiled", limpet(COPIES, known=contenders.COMPILED), "limpet")
# Both on the one core: it is the processor time that counts.
WORKERS = Setup(
    "Limpet replication with two workers",
    limpet(COPIES).with_values(contenders.LIMPET.name, WORKERS="workers: 2"),
    "limpet",
)
STORE = Setup(
    "Limpet store", limpet("strategy: store, store: main", 'main: {redis: "@REDIS@"}'), "limpet", redis=True
)
HAPROXY = Setup("HAProxy + Redis", contenders.HAPROXY, "redis", redis=True)
AFFINITY = Setup("Limpet affinity", limpet("strategy: affinity"), "memory")
BARE = (  # sticky, too, but the app keeps no sessions: what a write costs is the difference to it
    Setup("Limpet, no sessions", limpet("strategy: affinity"), "none"),
    Setup("Limpet compiled, no sessions", limpet("strategy: affinity", known=contenders.COMPILED), "none"),
    Setup("HAProxy, no sessions", contenders.HAPROXY, "none"),
)
WITHOUT = dict(zip((REPLICATION.name, COMPILED.name, HAPROXY.name), (one.name for one in BARE), strict=True))
ALL = (REPLICATION, WORKERS, COMPILED, STORE, HAPROXY, AFFINITY)


def bare(wanted: Sequence[Setup]) -> tuple[Setup, ...]:
    """What each of these is compared with, to see what a write costs by itself."""
    names = {WITHOUT.get(one.name) for one in wanted if one.app == STARLETTE}
    return tuple(one for one in BARE if one.name in names)


def on(app: tuple[str, ...]) -> tuple[Setup, ...]:
    """All of them, with this app; a Limpet that has not been compiled is none of them."""
    built = (one for one in ALL if one is not COMPILED or one.proxy.found())
    return tuple(replace(one, app=app) for one in built)


@contextmanager
def started(setup: Setup, folder: Path) -> Iterator[Up]:
    """Everything of a contender, up and listening. Raises processes.Failed."""
    folder.mkdir()
    with ExitStack() as stack:
        port, pids = stack.enter_context(redis(folder)) if setup.redis else (0, [])
        url = f"redis://127.0.0.1:{port}/0"
        own = setup.keeping == "limpet" and setup.app == STARLETTE
        endpoints = [free_port() for _ in NAMES] if own else []
        wheres = [f"127.0.0.1:{at}" for at in endpoints] or [url if setup.redis else ""] * len(NAMES)
        ports, nodes = stack.enter_context(app_servers(setup.app, setup.keeping, wheres, folder))
        values = filled(setup.proxy.values, url) | sessions_urls(endpoints)
        proxy = setup.proxy.with_values(setup.proxy.name, **values)
        up = stack.enter_context(contenders.started(proxy, ports, folder / "proxy"))
        wait_for_all(up.port)
        yield Up(setup.name, up.port, {"proxy": [up.pid], "nodes": nodes, "Redis": pids}, ports, port)


def filled(values: Mapping[str, str], url: str) -> dict[str, str]:
    return {name: value.replace("@REDIS@", url) for name, value in values.items()}


def sessions_urls(endpoints: Sequence[int]) -> dict[str, str]:
    """What the proxy's configuration says of each node's endpoint, where that has a port of its own."""
    said = [f', sessions_url: "http://127.0.0.1:{port}"' for port in endpoints] or [""] * len(NAMES)
    return {f"ENDPOINT{number}": text for number, text in enumerate(said, 1)}


@contextmanager
def redis(folder: Path) -> Iterator[tuple[int, list[int]]]:
    """A Redis with nothing on disk, on the proxy's core: its port and process."""
    port = free_port()
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running(["redis-server", *settings], PROXY_CORE, folder, "redis") as process:
        wait_for(process, port, folder / "redis.out")
        yield port, [process.pid]


@contextmanager
def app_servers(
    app: Sequence[str], keeping: str, wheres: Sequence[str], folder: Path, names: Sequence[str] = NAMES
) -> Iterator[tuple[list[int], list[int]]]:
    """The nodes, each a process, on the load's core: ports and processes. `wheres`: see sessions.app."""
    with ExitStack() as stack:
        ports = [free_port() for _ in names]
        pids = []
        for name, port, where in zip(names, ports, wheres, strict=True):
            command = [*app, name, str(port), keeping, where]
            env = {"NODE_ENV": "production"}
            process = stack.enter_context(running(command, LOAD_CORE, folder, name, env))
            wait_for(process, port, folder / f"{name}.out")
            pids.append(process.pid)
        yield ports, pids


def wait_for_all(port: int, seconds: float = 20.0, names: Sequence[str] = NAMES) -> None:
    """Until strangers are answered by every node. Raises Failed."""
    seen: set[bytes] = set()
    end_at = time.monotonic() + seconds
    for number in itertools.count():
        with suppress(WrongAnswer):
            seen.add(ask(port, "GET", "/read", number=number)[0][:MARK])
        if len(seen) == len(names):
            return
        if time.monotonic() > end_at:
            raise Failed(f"only {len(seen)} of {len(names)} nodes get requests")
        time.sleep(0.02)  # the proxy's probes have not found all nodes yet


def missing(setups: Sequence[Setup]) -> None:
    """Raises Failed where something is not installed: here all take part, or none."""
    for setup in setups:
        if program := setup.missing():
            raise Failed(f"{setup.name} needs {program}; bench/install.sh installs it")
