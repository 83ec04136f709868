"""Real Redis servers for the tests: each a process of its own on a port of its own, ended by its id.

`LIMPET_TEST_REDIS` names the program to run instead of `redis-server`: Valkey's, or another version of it.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import hiredis

from tests.examples.running import free_port

PATIENCE_SECONDS = 60.0


class RedisProcess:
    """A `redis-server`, in a directory of its own, with the given settings."""

    def __init__(self, directory: Path, *settings: str, port: int = 0, sentinel: bool = False) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.settings = settings
        self.sentinel = sentinel
        self.tls_port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, with what its directory holds, and return when it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        named = os.environ.get("LIMPET_TEST_REDIS", "redis-server")
        program = shutil.which(named)
        assert program, f"these tests need {named} (Debian: redis-server)"
        base = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        base += ["--repl-diskless-sync-delay", "0"]
        command = [program, *base, *self.settings]
        if self.sentinel:
            file = self.directory / "sentinel.conf"
            if not file.exists():
                lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.directory}", *self.settings]
                file.write_text("\n".join(lines) + "\n")
            command = [program, str(file), "--sentinel"]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process and self.process.poll() is None, (self.directory / "log").read_text()
            try:
                if "LOADING" not in str(self.ask("PING")):
                    return
            except (OSError, AssertionError):
                pass
            time.sleep(0.02)
        raise AssertionError("redis-server does not answer: " + (self.directory / "log").read_text())

    def ask(self, *words: str | int | bytes) -> object:
        """The reply to one command on a connection of its own."""
        reader = hiredis.Reader()
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(hiredis.pack_command(words))
            while (reply := reader.gets()) is False:
                data = connection.recv(65536)
                assert data, "it closed the connection"
                reader.feed(data)
        return reply

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """SIGKILL, and gone when this returns."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
