"""An address of its own for a node's endpoint, and how long one waits for it."""

import logging
import os
import re
import socket
import time
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakSet

CONNECTIONS = 100  # at once; a proxy makes a few
RETRY_SECONDS = 0.02
COMPLAIN_SECONDS = 1.0  # a process that has just died may still have the address
log = logging.getLogger("limpet_session")


class Address(NamedTuple):
    """Where to listen: a host and a port, or the path of a unix socket."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"{host}:{self.port}"

    def listen(self) -> socket.socket:
        """A socket, which a fork closes in the child. Raises OSError."""
        listener = self._listen()
        _LISTENERS.add(listener)
        return listener

    def _listen(self) -> socket.socket:
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


class Claim:
    """Asks for an address again and again; where somebody else keeps it, the log says so once."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._complain_at = time.monotonic() + COMPLAIN_SECONDS

    def listen(self) -> socket.socket | None:
        """None: not yet. Nothing tells when an address is given back: ask again after RETRY_SECONDS."""
        try:
            return self._address.listen()
        except OSError as error:
            if time.monotonic() >= self._complain_at:
                self._complain_at = float("inf")
                log.error("the endpoint cannot be served at %s: %s", self._address, error)
            return None


_LISTENERS: WeakSet[socket.socket] = WeakSet()


def _after_fork() -> None:
    """A child that does not serve must not keep the address when its parent has died."""
    for listener in _LISTENERS:
        with suppress(OSError):
            os.close(listener.detach())  # `close` leaves it to a loop that holds it, too


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
