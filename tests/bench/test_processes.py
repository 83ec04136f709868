"""CPU clocks read what was spent, by children too; what was started is ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.processes import LOAD_CORE, nodes, running, spent
from bench.verify import ask

BURN = "import time\nwhile time.process_time() < 0.2: pass\nprint('burnt', flush=True)\ntime.sleep(60)"
PARENT = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {BURN!r}])\ntime.sleep(60)"


def wait_until_printed(path: Path) -> None:
    end_at = time.monotonic() + 60
    while b"burnt" not in path.read_bytes():
        assert time.monotonic() < end_at
        time.sleep(0.01)


def test_the_cpu_of_children_counts(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT]
    with running(command, LOAD_CORE, tmp_path, "parent") as process:
        wait_until_printed(tmp_path / "parent.out")
        used = spent(process.pid)
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        os.kill(child, 15)
    assert used.total > 0.2
    assert abs(used.user + used.system - used.total) < 0.1
    assert used.waited >= 0


def test_what_was_started_is_ended_even_if_it_will_not(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('burnt', flush=True); time.sleep(60)"
    )
    with running([sys.executable, "-c", stubborn], LOAD_CORE, tmp_path, "one") as process:
        wait_until_printed(tmp_path / "one.out")
        process.wait = lambda timeout=None, wait=process.wait: wait(timeout and 0.2)  # type: ignore[method-assign]
    assert isinstance(process, subprocess.Popen)
    assert process.poll() == -9


def test_the_nodes_say_who_they_are_and_count_an_upload(tmp_path: Path) -> None:
    with nodes(tmp_path) as ports:
        said = [ask(port, "GET", "/64")[0][:9] for port in ports]
        assert said == [b"<node n1>", b"<node n2>", b"<node n3>"]
        assert ask(ports[1], "POST", "/upload", upload=b"u" * 300_000)[0] == b"<node n2>......." + b"300000"
