"""How often somebody may show a wrong token: so often that nobody who mistypes notices."""

import ipaddress
import time
from collections.abc import Callable

MOST = 10  # at once; then one every REFILL_SECONDS
REFILL_SECONDS = 6.0
ADDRESSES = 4096  # that are remembered; the one that failed longest ago is forgotten first


class Attempts:
    """Failures by address; an IPv6 client is its /64, since it has that many addresses for itself.

    Who is over the limit is not heard at all, a right token included: otherwise guessing would go on.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._free_at: dict[str, float] = {}  # when an address has all its attempts again

    def wait_seconds(self, address: str) -> float:
        """Until this address may try again; 0: now."""
        behind = self._free_at.get(_client(address), 0.0) - self._now()
        return max(0.0, behind - (MOST - 1) * REFILL_SECONDS)

    def failed(self, address: str) -> None:
        """A wrong token came from there."""
        client = _client(address)
        free_at = max(self._free_at.pop(client, 0.0), self._now())
        self._free_at[client] = free_at + REFILL_SECONDS
        if len(self._free_at) > ADDRESSES:
            del self._free_at[next(iter(self._free_at))]


def _client(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # of a unix socket: none
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network(f"{parsed}/64", strict=False))
