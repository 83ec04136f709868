"""Versions of a session's state: which is newer, whose writes they are, how an owner's number is drawn."""

VERSION_LIMIT = 1 << 53  # exact in a double, so also in Lua and in JavaScript
DRAWS = 1 << 12  # a fencing number's random part is below it

_LINEAGE_BITS = 20
_EPOCH_BITS = 32


class VersionsExhausted(Exception):
    """No number below 2^53 is left above a session's versions: it can only be ended."""


def lineage(version: int) -> int:
    """Whose write a version is: that of one owner, from its fencing number on.

    An owner that writes more than 2^20 times without a takeover runs into a neighbour's lineage, which
    was drawn with a chance of 1 in 4096 by a rival of the same moment, who lost.
    """
    return version >> _LINEAGE_BITS


def next_lineage(version: int) -> int:
    """A fence that stops the owner of `version`, and that is below any later owner's number."""
    return (version >> _LINEAGE_BITS) + 1 << _LINEAGE_BITS


def superseded(version: int, by: int) -> bool:
    """Whether a write that met version `by` is contained in it: a later write of the same owner."""
    return by > version and by >> _LINEAGE_BITS == version >> _LINEAGE_BITS


def fencing_number(above: int, draw: int) -> int:
    """The next multiple of 2^32 above `above`, plus 2^20 x `draw` (0 to 4095).

    Every version that an earlier owner may yet make is below it, acknowledged or not; and two proxies
    that search at the same moment mostly have different numbers. Raises VersionsExhausted.
    """
    number = ((above >> _EPOCH_BITS) + 1 << _EPOCH_BITS) + (draw << _LINEAGE_BITS)
    if number + (1 << _LINEAGE_BITS) > VERSION_LIMIT:
        raise VersionsExhausted
    return number
