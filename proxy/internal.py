"""The nodes' own endpoint, which nobody reaches through the proxy."""

from typing import Final

from routing.paths import readings

PREFIX: Final = b"/.limpet"


def is_internal(path: bytes) -> bool:
    """Whether some server may take this path, as a node would see it, for one of the endpoint's."""
    # Not `in`: bytes first try what they are asked for as a number, and raise and catch for it: 1 us.
    if path.find(b"%") < 0 and path.lower().find(b"limpet") < 0:
        return False
    return any(reading.lower().startswith(PREFIX) for reading in readings(path))
