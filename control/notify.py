"""Tells systemd how the process is doing: the datagrams of sd_notify(3), where systemd asks for them."""

import logging
import os
import socket
from collections.abc import Mapping

logger = logging.getLogger("limpet.notify")


class Notifier:
    """Sends to the socket that `NOTIFY_SOCKET` names; does nothing when there is none.

    A name that begins with `@` is an abstract socket. A manager that does not listen never harms the proxy.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        name = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self.watchdog_seconds = watchdog_seconds(env)

    def send(self, *lines: str) -> None:
        """Send `KEY=value` lines as one datagram."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as channel:
                channel.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            logger.warning("systemd did not take %s: %s", lines[0], error.strerror)


def watchdog_seconds(env: Mapping[str, str]) -> float | None:
    """How often to say `WATCHDOG=1`: half of what systemd waits for; None when it does not watch us."""
    microseconds = env.get("WATCHDOG_USEC", "")
    meant_for = env.get("WATCHDOG_PID") or str(os.getpid())
    if not microseconds.isdigit() or int(microseconds) == 0 or meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000
