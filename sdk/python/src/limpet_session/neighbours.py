"""Whether another process serves at the same address: another worker of the same node."""

import hashlib
import socket
import sys

_claims: dict[object, int | None] = {}  # file descriptors: nobody closes them but the end of the process


def alone_at(address: object) -> bool:
    """Whether no other process has asked this of the address that it serves at, as far as can be known.

    Who asks first has a name of Linux's abstract ones (unix(7)) until it ends; they are of a network
    namespace, as addresses are. Elsewhere nobody knows, and the answer is True; nor does a server that does
    not tell its address, as uvicorn on a unix socket: all nodes on such sockets would be taken for one.
    """
    if sys.platform != "linux" or not address:
        return True
    if _claims.get(address) is None:
        # A name has room for 107 bytes, which the path of a unix socket may use up.
        digest = hashlib.blake2b(repr(address).encode(), digest_size=16).hexdigest()
        _claims[address] = _claim(f"\0limpet-session {digest}")
    return _claims[address] is not None


def _claim(name: str) -> int | None:
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(name)
    except OSError:
        claim.close()
        return None
    return claim.detach()
