"""The nodes' own endpoint, which nobody reaches through the proxy."""

from routing.paths import readings

PREFIX = b"/.limpet"


def is_internal(path: bytes) -> bool:
    """Whether some server may take this path, as a node would see it, for one of the endpoint's."""
    if b"%" not in path and b"limpet" not in path.lower():
        return False
    return any(reading.lower().startswith(PREFIX) for reading in readings(path))
