"""The listeners as they run: where each is, and what it asks of a connection before the first request."""

from typing import NamedTuple

from config.addresses import Address
from config.listener_settings import Listener
from control.certificates import Certificates
from proxy.front import Door


class Place(NamedTuple):
    """One listener. `certificates`: None where it serves plain HTTP."""

    address: Address
    certificates: Certificates | None = None
    proxy_protocol: bool = False

    @property
    def door(self) -> Door:
        certificates = self.certificates
        tls = None if certificates is None else lambda: certificates.context
        return Door(tls, self.proxy_protocol)


def make_place(listener: Listener) -> Place:
    """Nothing is opened but the files of certificates. Raises CertificateError."""
    certificates = Certificates(listener.tls) if listener.tls is not None else None
    return Place(listener.address, certificates, listener.proxy_protocol)
