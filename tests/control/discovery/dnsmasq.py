"""A real DNS server, dnsmasq, whose answers tests change while it runs."""

import getpass
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.control.process import PATIENCE
from tests.examples.running import free_port, until

NAME = "app.test"  # what the tests ask for
RECORDS = "_http._tcp.app.test"


class Dnsmasq:
    """It answers for everything that ends with `.test`, and knows nothing else."""

    def __init__(self, folder: Path, ttl: int) -> None:
        self._ttl = ttl
        self.port = free_port()
        self._hosts = folder / "hosts"
        self._hosts.write_text("")
        self._options: list[str] = []
        self._start()

    @property
    def resolver(self) -> str:
        return f"127.0.0.1:{self.port}"

    def has(self, *addresses: str, name: str = NAME) -> None:
        """These are the addresses of the name from now on, as after an edit and `kill -HUP`."""
        others = [line for line in self._hosts.read_text().splitlines() if line.split()[1] != name]
        self._hosts.write_text("\n".join([*others, *(f"{each} {name}" for each in addresses), ""]))
        self._process.send_signal(signal.SIGHUP)
        self._wait_for(name, set(addresses))

    def serves(self, *records: str) -> None:
        """These are the SRV records: `TARGET,PORT,PRIORITY,WEIGHT`. It takes another process."""
        self.stop()
        self._options = [f"--srv-host={RECORDS},{record}" for record in records]
        self._start()

    def stop(self) -> None:
        self._process.terminate()  # it ends its children, too, which have its sockets
        self._process.wait(PATIENCE)

    def again(self) -> None:
        """After `stop`."""
        self._start()

    def _start(self) -> None:
        options = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            f"--user={getpass.getuser()}",
            "--pid-file=",
            f"--port={self.port}",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--no-resolv",
            "--no-hosts",
            "--local=/test/",
            f"--local-ttl={self._ttl}",
            f"--addn-hosts={self._hosts}",
        ]
        self._process = subprocess.Popen(
            ["dnsmasq", *options, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait_for("any.test", set())

    def _wait_for(self, name: str, addresses: set[str]) -> None:
        def said() -> bool:
            found = [self._ask(name, kind) for kind in ("A", "AAAA")]
            return None not in found and set().union(*filter(None, found)) == addresses

        until(said, f"dnsmasq has {addresses} for {name}", PATIENCE)

    def _ask(self, name: str, kind: str) -> set[str] | None:
        """None where it does not answer soon."""
        try:
            question = dns.message.make_query(name, kind)
            answer, _ = dns.query.udp_with_fallback(question, "127.0.0.1", timeout=0.5, port=self.port)
        except (dns.exception.Timeout, OSError, EOFError):
            return None
        return {record.address for rrset in answer.answer for record in rrset}


@contextmanager
def dnsmasq(folder: Path, ttl: int = 0) -> Iterator[Dnsmasq]:
    """`ttl`: in seconds, of all answers."""
    server = Dnsmasq(folder, ttl)
    try:
        yield server
    finally:
        server.stop()


def same_port(addresses: Sequence[str]) -> int:
    """One that is free at all of these addresses of the loopback."""
    for _ in range(100):
        port = free_port()
        try:
            for address in addresses:
                with socket.create_server((address, port)):
                    pass
        except OSError:
            continue
        return port
    raise AssertionError("no port is free at all of them")
