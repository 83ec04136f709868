"""Decides whether a version is taken above what a store holds: compare-and-set by lineage and fence."""

from sessions.stores.store import ANY_BASE, Put, Status

LINEAGE_BITS = 20  # the writes of one owner share version >> 20


def put_status(put: Put, version: int, fence: int, node: str, same: bool) -> Status:
    """What becomes of a Put where `version` (0: none) and `fence` (0: none) are held, and nothing is ended.

    `node` wrote what is held. `same` says whether that has the same bytes: of interest at an equal version.

    A version is taken if the store holds the one before, a lower one of the same lineage, or less than
    its lineage: together, any lower one. What is held already stays settled whatever fence came later,
    for whoever set that fence was told of it.

    Two who fence nobody may draw the same lineage: with a `base`, it is that of its node alone.
    """
    if put.version == version:
        return Status.TAKEN if same else Status.CONFLICT
    kin = put.version >> LINEAGE_BITS == version >> LINEAGE_BITS and (put.base < 0 or put.node == node)
    if put.version < version:
        return Status.SUPERSEDED if kin else Status.CONFLICT
    if put.version < fence:
        return Status.CONFLICT
    if kin or not version or put.base in (ANY_BASE, version):
        return Status.TAKEN
    return Status.CONFLICT
