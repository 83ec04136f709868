"""Serves a node's endpoint at an address of its own, in a thread: copies never wait for the app's workers."""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, ThreadingMixIn
from typing import NamedTuple, Protocol
from weakref import WeakSet

from limpet_session import headers
from limpet_session.endpoint import Asked, Reply, framed, say

SERVER = 1  # the byte of the lock file that the process which serves has alone
CONNECTIONS = 100  # at once; a proxy makes a few
IDLE_SECONDS = 75.0  # a connection without a request; longer than a proxy keeps one
TURN_SECONDS = 0.05  # between two looks whether it is this process's turn
RETRY_SECONDS = 0.02
COMPLAIN_SECONDS = 1.0  # a process that has just died may still have the address
log = logging.getLogger("limpet_session")

Read = Callable[[int], bytes | None]
Answer = Callable[[Asked, Read], Reply]
Split = Callable[[str], str | None]  # a path into what follows the endpoint's own; None: it is another


class Address(NamedTuple):
    """Where to listen: a host and a port, or the path of a unix socket."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"{host}:{self.port}"

    def listen(self) -> socket.socket:
        """Raises OSError."""
        if not self.path:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            return socket.create_server((self.host, self.port), family=family, backlog=CONNECTIONS)
        listener = socket.socket(socket.AF_UNIX)
        with suppress(FileNotFoundError):
            os.unlink(self.path)  # of a process that has died: whoever serves has said so by its lock
        try:
            listener.bind(self.path)
            listener.listen(CONNECTIONS)
        except OSError:
            listener.close()
            raise
        return listener


def read_address(text: str) -> Address:
    """`HOST:PORT`, `[HOST]:PORT` or `unix:/PATH`. Raises ValueError."""
    if text.startswith("unix:/"):
        return Address("", 0, text.removeprefix("unix:"))
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:/]+)):([0-9]{1,5})", text)
    if not found or not 0 < int(found[3]) < 65536:
        raise ValueError(f"endpoint must be HOST:PORT, [HOST]:PORT or unix:/PATH, not {text!r}")
    return Address(found[1] or found[2], int(found[3]))


class Locks(Protocol):
    """What the processes of a node agree by."""

    def take(self, at: int) -> bool:
        """Whether `at` is this process's now, and no other's."""


class EndpointServer(ThreadingMixIn, BaseServer):
    """One process of a node serves; when it dies, the next takes over at once.

    `locks`: None where there is only this one.
    """

    daemon_threads = True

    def __init__(self, address: Address, locks: Locks | None, split: Split, answer: Answer) -> None:
        super().__init__(address, _Handler)
        self.split = split
        self.answer = answer
        self.address = address
        self._locks = locks
        self._started = 0  # by which process
        self._starting = threading.Lock()
        self._places = threading.Semaphore(CONNECTIONS)
        self.listener: socket.socket | None = None
        _SERVERS.add(self)

    def start(self) -> None:
        """Serve, or be ready to, from now on; once in each process that calls it."""
        if self._started != os.getpid():
            with self._starting:
                if self._started != os.getpid():
                    self._started = os.getpid()
                    threading.Thread(target=self._run, name="limpet-endpoint", daemon=True).start()

    def _run(self) -> None:
        while self._locks is not None and not self._locks.take(SERVER):
            time.sleep(TURN_SECONDS)  # to wait in the kernel would stop a process whose threads are gevent's
        self.listener = self._listen()
        while True:
            try:
                connection, peer = self.listener.accept()
            except ConnectionError:  # gone before it was accepted
                continue
            except OSError as error:
                log.error("the endpoint at %s takes no connections: %s", self.address, error)
                time.sleep(COMPLAIN_SECONDS)  # no descriptors left, as a rule: others have to give some back
                continue
            if self._places.acquire(blocking=False):
                self.process_request(connection, peer)
            else:
                connection.close()

    def _listen(self) -> socket.socket:
        complain_at = time.monotonic() + COMPLAIN_SECONDS
        while True:
            try:
                return self.address.listen()
            except OSError as error:
                if time.monotonic() >= complain_at:
                    complain_at = float("inf")
                    log.error("the endpoint cannot be served at %s: %s", self.address, error)
            time.sleep(RETRY_SECONDS)  # nothing tells when the address is given back

    # Called by the mixed in classes

    # typeshed allows for the packets of UDP, too
    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._places.release()
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("a call of the sessions' endpoint failed")


class _Handler(BaseHTTPRequestHandler):
    """One connection. (400 to 2000 calls a second and core, which is more than a few app workers write.)"""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # rubbish is answered with a head, too
    timeout = IDLE_SECONDS
    server: EndpointServer

    def setup(self) -> None:
        super().setup()
        if not self.server.address.path:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def address_string(self) -> str:
        return str(self.client_address)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        rest = self.server.split(path)
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        asked = Asked(self.command, rest or "", query.encode("latin-1"), headers.split(fields)[1])
        self._unread = self._length() != 0
        try:
            reply = say(404, "nothing here") if rest is None else self.server.answer(asked, self._read)
        except OSError:
            raise
        except Exception:  # the thread's boundary: the proxy is told, and the log
            log.exception("a call of the sessions' endpoint failed")
            reply = say(500, "Internal Server Error")
        self._send(reply)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _length(self) -> int:
        """Of the body; -1: it cannot be known."""
        told = self.headers.get_all("content-length", ["0"])
        well = len(told) == 1 and told[0].isascii() and told[0].isdecimal() and len(told[0]) < 16
        return int(told[0]) if well and "transfer-encoding" not in self.headers else -1

    def _read(self, limit: int) -> bytes | None:
        length = self._length()
        if not 0 <= length <= limit:
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the body did not arrive whole")
        self._unread = False
        return body

    def _send(self, reply: Reply) -> None:
        """In one piece. What was not read of the request would pass for the next one."""
        if self._unread:
            self.close_connection = True
        told = [*framed(reply), *([(b"connection", b"close")] if self.close_connection else [])]
        head = b"".join(b"%b: %b\r\n" % header for header in told)
        phrase = self.responses[reply.status][0].encode()
        body = b"" if self.command == "HEAD" else reply.body
        self.wfile.write(b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (reply.status, phrase, head, body))


_SERVERS: WeakSet[EndpointServer] = WeakSet()


def _after_fork() -> None:
    """A child that does not serve must not keep the address when its parent has died."""
    for server in _SERVERS:
        if server.listener is not None:
            server.listener.close()
            server.listener = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
