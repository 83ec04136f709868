"""Who takes part, with which configuration, and how each is started."""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import trustme

from bench.processes import PROXY_CORE, ROOT, free_port, running, wait_for
from bench.work import Kind, Work

CONFIGS = Path(__file__).parent / "configs"
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
BUILT = ROOT / "build" / "compiled"  # by `make compiled`


@dataclass(frozen=True, slots=True)
class Contender:
    """One proxy: how to start it on a configuration, and what to fill into that."""

    name: str
    config: str  # a file of bench/configs
    program: str
    arguments: tuple[str, ...]  # {config} is the filled-in file
    version: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)  # for the @NAMES@ in the configuration; else empty
    modules: Path | None = None  # a folder of Python modules that go before those of this checkout
    kinds: frozenset[Kind] = frozenset(Kind)  # what it can be asked for

    def found(self) -> str | None:
        """The path of its program, if all of it is on this machine, and made of the source that is here."""
        if self.modules and not up_to_date(self.modules):
            return None
        return shutil.which(self.program, path=SEARCH)

    def with_values(self, name: str, **values: str) -> "Contender":
        return replace(self, name=name, values={**self.values, **values})

    def environment(self, folder: Path) -> Mapping[str, str]:
        """What it is to find in its environment: a home of its own, one core, its modules."""
        own = {"GOMAXPROCS": "1", **dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))}
        if self.modules:  # safe: the folder it is started in does not go before them
            own |= {"PYTHONPATH": f"{self.modules}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}
        return own


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that is up."""

    name: str
    pid: int
    port: int
    tls_port: int
    kinds: frozenset[Kind]

    def port_for(self, work: Work) -> int:
        """Where it does this work."""
        return self.tls_port if work.kind is Kind.TLS else self.port


# What the two in Python say: the versions of the distributions that are named behind it.
SAY_VERSIONS = (
    "import platform, sys, importlib.metadata as m;"
    "print(*[f'{n} {m.version(n)}' for n in sys.argv[1:]], 'Python ' + platform.python_version(), sep=', ')"
)
HAPROXY = Contender("HAProxy", "haproxy.cfg", "haproxy", ("-db", "-f", "{config}"), ("-v",))
NGINX = Contender("nginx", "nginx.conf", "nginx", ("-e", "stderr", "-c", "{config}"), ("-v",))
CADDY = Contender(
    "Caddy", "Caddyfile", "caddy", ("run", "--adapter", "caddyfile", "--config", "{config}"), ("version",)
)
LIMPET = Contender(
    "Limpet",
    "limpet.yaml",
    sys.executable,
    ("-m", "proxy", "run", "-c", "{config}"),
    ("-c", SAY_VERSIONS, "limpet", "uvloop"),
    {"LOG": "format: off"},
)
COMPILED = replace(LIMPET, name="Limpet compiled", modules=BUILT)
PLAIN = Contender(
    "aiohttp",
    "aiohttp.txt",
    sys.executable,
    ("-m", "bench.plain", "{config}"),
    ("-c", SAY_VERSIONS, "aiohttp", "uvloop"),
    kinds=frozenset({Kind.HTTP, Kind.TLS}),
)
# No proxy: what TLS alone costs in Python, with an answer that is always the same.
ECHO = Contender(
    "uvloop echo",
    "echo.txt",
    sys.executable,
    ("-m", "bench.echo", "{config}"),
    ("-c", SAY_VERSIONS, "uvloop"),
    kinds=frozenset({Kind.TLS}),
)
ALL = (LIMPET, COMPILED, HAPROXY, NGINX, CADDY, PLAIN, ECHO)

# Shown beside the comparison, each against the same proxy without it: what a log line for each request
# costs, to a file, what HAProxy pays to send the nodes all that Limpet sends them unasked, and what a second
# worker costs (both on the one core: it is the processor time that counts), with others' second thread or
# worker beside it: that two take turns on a core costs everybody something.
EQUAL = "\n    ".join(
    [
        "http-request set-header X-Forwarded-Proto http",
        "http-request set-header X-Forwarded-Host %[req.hdr(Host)]",
        "unique-id-format %[uuid()]",
        "unique-id-header X-Request-Id",
    ]
)
NGINX_LOG = "access_log @DIR@/access.log combined;"
BESIDE = (
    (LIMPET, LIMPET.with_values("Limpet, two workers", WORKERS="workers: 2")),
    (COMPILED, COMPILED.with_values("Limpet compiled, two workers", WORKERS="workers: 2")),
    (HAPROXY, HAPROXY.with_values("HAProxy, two threads", THREADS="2")),
    (NGINX, NGINX.with_values("nginx, two workers", THREADS="2", REUSEPORT=" reuseport")),
    (LIMPET, LIMPET.with_values("Limpet, text log", LOG='format: text, file: "@DIR@/access.log"')),
    (LIMPET, LIMPET.with_values("Limpet, JSON log", LOG='format: json, file: "@DIR@/access.log"')),
    (
        HAPROXY,
        HAPROXY.with_values(
            "HAProxy, httplog",
            LOG_TARGET="log stdout format raw local0",
            LOG="log global\n    option httplog",
        ),
    ),
    (HAPROXY, HAPROXY.with_values("HAProxy, as many headers as Limpet", EQUAL=EQUAL)),
    (NGINX, NGINX.with_values("nginx, combined log", LOG=NGINX_LOG)),
    (CADDY, CADDY.with_values("Caddy, JSON log", LOG="log {\n\t\toutput file @DIR@/access.log\n\t}")),
    (PLAIN, PLAIN.with_values("aiohttp, its log", LOG="on")),
)


def up_to_date(built: Path) -> bool:
    """Whether what `make compiled` has made is there, and newer than what it was made of."""
    done = built / ".done"
    sources = (
        file for package in ("proxy", "routing", "sessions") for file in (ROOT / package).rglob("*.py")
    )
    return done.exists() and max(file.stat().st_mtime for file in sources) <= done.stat().st_mtime


def certificate(folder: Path) -> str:
    """A file with a key on P-256 and what vouches for it, for as long as a bench lasts."""
    pem = folder / "bench.pem"
    trustme.CA().issue_cert("bench.example").private_key_and_cert_chain_pem.write_to_path(str(pem))
    return str(pem)


def versions(contenders: Sequence[Contender]) -> dict[str, str]:
    """The first line that each says about itself."""
    said = {}
    for contender in contenders:
        program = contender.found()
        assert program
        said[contender.name] = first_line((program, *contender.version))
    return said


def first_line(command: Sequence[str]) -> str:
    """What a command says first."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def filled(contender: Contender, ports: tuple[int, int], nodes: Sequence[int], folder: Path) -> Path:
    """Write the contender's configuration with its names filled in."""
    text = (CONFIGS / contender.config).read_text()
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    values = dict.fromkeys(("LOG", "LOG_TARGET", "EQUAL", "WORKERS", "REUSEPORT"), "")
    values |= {"THREADS": "1", "USER": user, **contender.values}
    values |= {f"NODE{index}": str(node) for index, node in enumerate(nodes, 1)}
    port, tls_port = ports
    values |= {"PORT": str(port), "TLS_PORT": str(tls_port), "PEM": certificate(folder)}
    values |= {"ADMIN": str(free_port()), "DIR": str(folder)}
    if contender.config == "nginx.conf" and not values["LOG"]:
        values["LOG"] = "access_log off;"
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    path = folder / contender.config
    path.write_text(text)
    return path


@contextmanager
def started(contender: Contender, nodes: Sequence[int], folder: Path) -> Iterator[Running]:
    """The contender, up and listening, on the proxy's core. Raises processes.Failed."""
    folder.mkdir()
    port, tls_port = ports = free_port(), free_port()
    config = filled(contender, ports, nodes, folder)
    program = contender.found()
    assert program
    command = [program, *(argument.format(config=config) for argument in contender.arguments)]
    with running(command, PROXY_CORE, folder, "process", contender.environment(folder)) as process:
        wait_for(process, tls_port if Kind.HTTP not in contender.kinds else port, folder / "process.out")
        yield Running(contender.name, process.pid, port, tls_port, contender.kinds)
