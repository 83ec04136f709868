"""The sockets at which several processes accept clients: control makes them, and keeps them open.

Each worker has one of its own at a TCP address (SO_REUSEPORT): the kernel deals connections out among them.
What waits in one when its worker dies is its successor's, since control has it, too. A unix socket, and one
that another process made without SO_REUSEPORT, all of them share.
"""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Sequence
from typing import Any, NamedTuple

from config.addresses import Address
from proxy.front import Door
from proxy.site import BACKLOG


class Place(NamedTuple):
    """A family of addresses, and one of them as `socket` has it."""

    family: int
    at: Any


class SharedSite:
    """An address with its sockets, by worker. It accepts nobody here."""

    def __init__(
        self, address: Address, door: Door, workers: int, sockets: Sequence[socket.socket] = ()
    ) -> None:
        """`sockets`: that listen there already, since another process handed them on."""
        self.address = address
        self.door = door
        self._workers = workers
        self._all = list(sockets)
        self._dealt: list[list[socket.socket]] = []

    @property
    def url(self) -> str:
        """Where it is served, with the port that was found free where none was asked for."""
        scheme, at = "http" if self.door.tls is None else "https", self.address
        if at.path:
            return f"unix:{at.path}"
        host = f"[{at.host}]" if ":" in at.host else at.host
        return f"{scheme}://{host}:{self._port or at.port}"

    @property
    def descriptors(self) -> list[int]:
        """Of all its sockets."""
        return [each.fileno() for each in self._all]

    def dealt_to(self, worker: int) -> list[int]:
        """The descriptors of those at which one worker is to accept."""
        return [each.fileno() for each in self._dealt[worker]]

    async def start(self) -> None:
        """Raises OSError."""
        if self.address.path:
            self._all = self._all or [_unix(self.address.path)]
            self._dealt = [self._all] * self._workers
            return
        known = _by_place(self._all)
        places = list(known) or await _places(self.address)
        self._dealt = [[] for _ in range(self._workers)]
        for place in places:
            for worker, dealt in enumerate(self._deal(place, known.get(place, []))):
                self._dealt[worker] += dealt

    async def stop(self) -> None:
        for each in self._all:
            each.close()
        self._all = []

    @property
    def _port(self) -> int:
        return int(self._all[0].getsockname()[1]) if self._all else 0

    def _deal(self, place: Place, known: list[socket.socket]) -> list[list[socket.socket]]:
        """By worker. There are as many sockets as workers, or more, unless those that are `known` share."""
        if known and not known[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
            return [known] * self._workers
        if not known and place.at[1]:
            _tcp(place, shared=False).close()  # raises where another Limpet, say, listens
        while len(known) < self._workers:
            bound = place._replace(at=known[0].getsockname()) if known else place
            made = _tcp(bound, shared=True)
            known.append(made)
            self._all.append(made)
            made.listen(BACKLOG)
        return [known[worker :: self._workers] for worker in range(self._workers)]


async def _places(address: Address) -> list[Place]:
    """All that a name stands for."""
    found = await asyncio.get_running_loop().getaddrinfo(
        address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys(Place(int(family), at) for family, _, _, _, at in found))


def _by_place(sockets: Sequence[socket.socket]) -> dict[Place, list[socket.socket]]:
    groups: dict[Place, list[socket.socket]] = {}
    for each in sockets:
        groups.setdefault(Place(int(each.family), each.getsockname()), []).append(each)
    return groups


def _tcp(place: Place, shared: bool) -> socket.socket:
    """Bound, and nobody listens yet. Raises OSError."""
    made = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if place.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(place.at)
    except OSError:
        made.close()
        raise
    return made


def _unix(path: str) -> socket.socket:
    """Listens; what an earlier process left there is taken away. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(path)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made
