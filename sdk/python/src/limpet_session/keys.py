"""Whether somebody knows the secret that the proxy and the nodes share."""

from collections.abc import Iterable
from hmac import compare_digest


class NodeKeys:
    """The keys that a node accepts, old and new while they are being changed.

    Raises ValueError without a key, or for one that no header could carry.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        if isinstance(keys, str | bytes):
            raise ValueError("keys must be a list of keys, not one key")
        self._keys = tuple(key.encode() if isinstance(key, str) else key for key in keys)
        if not self._keys:
            raise ValueError("at least one key is needed, the same as in the proxy's `node_keys`")
        if any(not key or not all(0x21 <= byte <= 0x7E for byte in key) for key in self._keys):
            raise ValueError("a key must be one or more visible ASCII characters without spaces")

    def accept(self, key: bytes) -> bool:
        """True for one of them; takes the same time whichever it is."""
        accepted = False
        for known in self._keys:
            accepted |= compare_digest(known, key)
        return accepted
