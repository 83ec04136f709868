"""The TLS that a service's nodes are spoken to with."""

import logging
import ssl
from collections.abc import Sequence

from config.certificates import CertificateError
from config.node_tls import NodeTls
from config.settings import Node
from control.certificates import Stamp, stamp_of
from control.slots import Slot
from routing.states import Membership

logger = logging.getLogger("limpet.tls")


class NodeContexts:
    """One for each service, and the same one as long as its settings and files are the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[NodeTls, Stamp, ssl.SSLContext]] = {}

    def context(self, name: str, tls: NodeTls, slots: Sequence[Slot]) -> ssl.SSLContext | None:
        """For all connections to the nodes of a service; None where none of them speaks TLS.

        Raises CertificateError.
        """
        if not any(_secure(slot.node) for slot in slots if slot.membership is not Membership.GONE):
            return None
        stamp = stamp_of(path for path in (tls.ca, tls.cert, tls.key) if path is not None)
        known = self._known.get(name)
        if known is None or known[:2] != (tls, stamp):
            known = self._known[name] = (tls, stamp, _context(name, tls))
        return known[2]


def _secure(node: Node) -> bool:
    return any(url and url.secure for url in (node.url, node.sessions_url))


def _context(name: str, tls: NodeTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key or tls.cert, password=lambda: b"")
    except OSError as error:  # ssl.SSLError is one
        raise CertificateError("tls", f"the certificates for the nodes of {name}: {error}") from None
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        logger.warning(
            "service %s: `tls.verify` is false: whoever is between Limpet and a node can read and change"
            " everything",
            name,
        )
    return context
