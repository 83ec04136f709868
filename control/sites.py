"""What the process listens on, by address: one that stays is never closed."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from aiohttp import web

from config.addresses import Address
from config.certificates import CertificateError
from config.listener_settings import Listener
from control.certificates import reload_all
from control.inheritance import sockets_of
from control.listening import Place, make_place
from proxy.engine import Engine
from proxy.front import Door
from proxy.site import Listening, ProxySite


class ListenError(Exception):
    """An address cannot be listened on; the message says which, and why."""


class ClientSite(Protocol):
    """An address that is listened on for clients."""

    door: Door

    @property
    def url(self) -> str: ...

    @property
    def descriptors(self) -> list[int]: ...

    async def start(self) -> None:
        """Raises OSError."""

    async def stop(self) -> None: ...


# Of an address, with the sockets that were handed on, if any.
MakeSite = Callable[[Address, Door, Sequence[socket.socket]], ClientSite]


class Site(NamedTuple):
    """A listener for clients as it runs."""

    listener: Listener
    place: Place
    site: ClientSite


class Opened(NamedTuple):
    """What a new configuration needs: addresses that are listened on by now, and new doors for old ones."""

    addresses: list[Address]
    places: dict[Address, Place]


class AdminSite(web.BaseSite):
    """Where the admin port is."""

    __slots__ = ("address", "listening")

    def __init__(self, runner: web.AppRunner, address: Address, sockets: Sequence[socket.socket]) -> None:
        super().__init__(runner)
        self.address = address
        self.listening = Listening(address.host, address.port, address.path, sockets)

    @property
    def name(self) -> str:
        return f"admin {self.address}"

    async def start(self) -> None:
        await super().start()
        assert self._runner.server is not None, "it was set up"
        await self.listening.start(self._runner.server)

    async def stop(self) -> None:
        self.listening.stop()
        await super().stop()


class Sites:
    """The listeners for clients, and the admin port where there is one."""

    def __init__(
        self, runner: web.AppRunner, make: MakeSite, inherited: Mapping[str, list[int]] | None = None
    ) -> None:
        """`inherited`: the `descriptors` of the process that this one takes the place of."""
        self._runner = runner
        self._make = make
        self._inherited = dict(inherited or {})
        self._doors: dict[Address, Site] = {}
        self._admin: dict[Address, AdminSite] = {}

    @property
    def descriptors(self) -> dict[str, list[int]]:
        """Of all sockets that listen, for another process."""
        doors = {f"clients {at}": door.site.descriptors for at, door in self._doors.items()}
        return doors | {f"admin {at}": site.listening.descriptors for at, site in self._admin.items()}

    def inherit(self, key: str, descriptors: list[int]) -> None:
        """Have these for an address that is opened next."""
        self._inherited[key] = descriptors

    def forget_inherited(self) -> None:
        """Close what was handed on and is not listened on any more."""
        for group in self._inherited.values():
            for descriptor in group:
                os.close(descriptor)
        self._inherited = {}

    def _handed(self, key: str) -> list[socket.socket]:
        return sockets_of(self._inherited.pop(key, []))

    @property
    def served(self) -> list[str]:
        """Where clients are served, with the ports that were found free."""
        return [door.site.url for door in self._doors.values()]

    @property
    def admin(self) -> Address:
        at, site = next(iter(self._admin.items()))
        return Address(at.host, site.listening.port, at.path)

    async def open(self, listen: Sequence[Listener], admin: Address | None) -> Opened:
        """Listen where nobody does yet; the admin port last: when that says that the proxy is ready, it is.

        Raises ListenError and CertificateError, and then nothing was opened.
        """
        opened = Opened([], {})
        try:
            for listener in listen:
                await self._open(listener, opened)
            if admin is not None and admin not in self._admin:
                site = AdminSite(self._runner, admin, self._handed(f"admin {admin}"))
                await _start(site, admin)
                self._admin[admin] = site
                opened.addresses.append(admin)
        except (ListenError, CertificateError):
            await self.close(opened.addresses)
            raise
        return opened

    async def settle(self, opened: Opened, listen: Sequence[Listener], admin: Address | None) -> None:
        """Go by the new configuration, and accept nobody elsewhere. Connections that stand go on."""
        for listener in listen:
            door = self._doors[listener.address]
            place = opened.places.get(listener.address, door.place)
            door.site.door = place.door
            self._doors[listener.address] = Site(listener, place, door.site)
        self.renew()
        wanted = {listener.address for listener in listen}
        await self.close([address for address in self._doors if address not in wanted])
        await self.close([address for address in self._admin if address != admin])

    def renew(self) -> None:
        """Take the certificates that the files hold by now."""
        places = (door.place.certificates for door in self._doors.values())
        reload_all([each for each in places if each is not None])

    def expiries(self) -> Iterator[tuple[tuple[str, str], float]]:
        """Of each certificate that is shown: the listener and the file, and the unix time of its end."""
        for address, door in self._doors.items():
            if (certificates := door.place.certificates) is not None:
                for file, expiry in certificates.expiries.items():
                    yield (str(address), file), expiry

    async def _open(self, listener: Listener, opened: Opened) -> None:
        address, door = listener.address, self._doors.get(listener.address)
        if door is None:
            place = make_place(listener)
            site = self._make(address, place.door, self._handed(f"clients {address}"))
            await _start(site, address)
            self._doors[address] = Site(listener, place, site)
            opened.addresses.append(address)
        elif door.listener != listener:
            opened.places[address] = make_place(listener)

    async def stand_in(self, address: Address, descriptors: list[int]) -> ClientSite | None:
        """Serve at these sockets as at this address, until the site is stopped; None where nobody does."""
        door = self._doors.get(address)
        if door is None:
            return None
        site = self._make(address, door.place.door, sockets_of(descriptors))
        await _start(site, address)
        return site

    async def close(self, addresses: Sequence[Address]) -> None:
        for address in addresses:
            door = self._doors.pop(address, None)
            site = self._admin.pop(address, None) if door is None else door.site
            if site is not None:
                await site.stop()

    async def close_doors(self, admin_too: bool = False) -> None:
        """Accept no client any more; the admin port answers on, unless another process has it."""
        await self.close([*self._doors, *(self._admin if admin_too else ())])


def served_here(runner: web.AppRunner, engine: Engine) -> MakeSite:
    """Sites at which this process serves clients itself."""

    def make(address: Address, door: Door, sockets: Sequence[socket.socket]) -> ClientSite:
        return ProxySite(runner, engine, address.host, address.port, address.path, door, sockets)

    return make


async def _start(site: ClientSite | AdminSite, address: Address) -> None:
    try:
        await site.start()
    except OSError as error:
        await site.stop()
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise ListenError(f"cannot listen on {address}: {why}") from error
