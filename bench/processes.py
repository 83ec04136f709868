"""Starts the processes of a run, each on its core, reads their CPU clocks and ends every one of them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from control import children

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE = CORES[0]
LOAD_CORE = CORES[1 % len(CORES)]
GLANCE_SECONDS = 0.05  # between two looks at whether a process is up: nobody tells us


class Failed(Exception):
    """A process did not come up, or went away."""


class Spent(NamedTuple):
    """CPU seconds, of the precise clock and of the two sampled ones that split it; and seconds of waiting."""

    total: float
    user: float
    system: float
    waited: float  # for the core, while somebody else had it

    def since(self, before: "Spent") -> "Spent":
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


def family(pid: int) -> Iterator[int]:
    """The process and all that it has started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from family(int(child))


def spent(pid: int) -> Spent:
    """The CPU time of a process, all of its threads (also those that ended) and children, so far.

    The total is the process's CPU clock, exact to nanoseconds (clock_getcpuclockid(3) computes this number);
    user and system are what the scheduler's ticks saw, good for the proportion only.
    """
    total = user = system = waited = 0.0
    for member in family(pid):
        total += time.clock_gettime((~member << 3) | 2)
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        user += int(fields[11]) / TICKS
        system += int(fields[12]) / TICKS
        waited += int(Path(f"/proc/{member}/schedstat").read_text().split()[1]) / 1e9
    return Spent(total, user, system, waited)


@contextmanager
def running(
    command: Sequence[str], core: int, folder: Path, name: str, env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, bound to a core; what it prints goes to `folder/name.out`. Ended on the way out.

    A session of its own keeps the terminal's Ctrl-C from it: it is ended here, by its id.
    """
    with open(folder / f"{name}.out", "wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask, and after five seconds insist."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    return children.free_port(0)


def wait_for(process: "subprocess.Popen[bytes]", port: int, output: Path, seconds: float = 15.0) -> None:
    """Until the port accepts connections. Raises Failed, with what the process printed."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(GLANCE_SECONDS)
    raise Failed(f"not listening on {port}; it said: {output.read_text(errors='replace')[-1500:]}")


def first_line(process: "subprocess.Popen[bytes]", output: Path, seconds: float = 30.0) -> str:
    """What it prints when it is up. Raises Failed."""
    end_at = time.monotonic() + seconds
    while not (text := output.read_text()).endswith("\n"):
        if process.poll() is not None or time.monotonic() > end_at:
            raise Failed(f"it did not start: {text}")
        time.sleep(GLANCE_SECONDS)
    return text


@contextmanager
def nodes(folder: Path) -> Iterator[list[int]]:
    """The three nodes, on the core of the load; yields their ports."""
    with running([sys.executable, "-m", "bench.node"], LOAD_CORE, folder, "nodes") as process:
        yield [int(port) for port in first_line(process, folder / "nodes.out").split()]
