"""The whole demo as a person runs it: it tells its story, and leaves nothing running however it ends."""

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.examples.running import free_port, until

PERFORM = "import sys; from control.demo import run; sys.exit(run(port={}, admin_port={}, seconds={}))"
PATIENCE_SECONDS = 300


def command(port: int, seconds: float | None) -> list[str]:
    return [sys.executable, "-c", PERFORM.format(port, free_port(), seconds)]


@contextmanager
def demo(directory: Path, port: int, seconds: float | None = None) -> Iterator["subprocess.Popen[str]"]:
    """The demo without a terminal; its files, and so its processes, are known by `directory`."""
    process = subprocess.Popen(
        command(port, seconds),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(directory), "COLUMNS": "200"},
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        nothing_runs(directory)


def running_in(directory: Path) -> list[str]:
    """The command lines of processes that name the directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(directory) in line:
            found.append(line)
    return found


def nothing_runs(directory: Path) -> None:
    until(lambda: running_in(directory) == [], f"nothing runs in {directory}", 20)


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """The output up to the line that holds `text`."""
    assert process.stdout is not None
    heard = ""
    for line in process.stdout:
        heard += line
        if text in line:
            return heard
    raise AssertionError(f"the demo ended without {text!r}:\n{heard}")


def test_without_a_terminal_it_tells_the_story(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path, port) as process:
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, output
    assert f"http://127.0.0.1:{port}/" in output
    for said in (
        "everybody stays on their node",
        "kill -9",
        "limpet_sessions_lost_total",
        "nobody is moved",
        "All as told",
    ):
        assert said in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path, free_port(), seconds=600) as process:
        read_until(process, "Limpet")
        assert len(running_in(tmp_path)) >= 4
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 130
        assert running_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_survives_a_demo_that_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path, free_port(), seconds=600) as process:
        read_until(process, "Limpet")
        assert len(running_in(tmp_path)) >= 4
        process.kill()
        process.wait()
        nothing_runs(tmp_path)


def test_a_busy_port_is_replaced_and_the_demo_says_so(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with demo(tmp_path, port, seconds=600) as process:
            heard = read_until(process, "Limpet")
    assert f"port {port} is taken: using " in heard
    assert f"127.0.0.1:{port}/" not in heard


class Terminal:
    """A terminal with the demo in it: what it shows, and keys to press."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.shown = ""

    def waits_for(self, text: str) -> None:
        """Reads until something new shows `text`."""
        start = len(self.shown)
        while text not in self.shown[start:]:
            try:
                self.shown += os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # how Linux says that the other end has closed
                raise AssertionError(f"the demo ended without {text!r}:\n{self.shown}") from None

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())


def test_keys_and_the_pages_buttons_kill_a_node_and_bring_it_back(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command(port, None),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "120", "LINES": "40", "TERM": "xterm"},
    )
    os.close(slave)
    try:
        terminal = Terminal(master)
        terminal.waits_for("bring it back")
        terminal.press("2")
        terminal.waits_for("b killed")
        terminal.waits_for("b is down")
        terminal.press("2")
        terminal.waits_for("b is back")
        terminal.waits_for("b is up")
        httpx.post(f"{url}/demo/c/kill", headers={"Origin": url}, timeout=60).raise_for_status()
        terminal.waits_for("c killed")
        httpx.post(f"{url}/demo/c/start", headers={"Origin": url}, timeout=60).raise_for_status()
        terminal.waits_for("c is back")
        assert (
            httpx.post(
                f"{url}/demo/c/kill", headers={"Origin": "http://elsewhere.test"}, timeout=60
            ).status_code
            == 403
        )
        terminal.press("q")
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    nothing_runs(tmp_path)
