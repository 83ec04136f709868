"""Why a request went to a node: the metric label, the log field and the word in `limpet explain`."""

from enum import IntEnum


class Reason(IntEnum):
    STICKY = 0  # its pin may take it
    FAILOVER = 1  # its pin is down, gone, or was tried in vain
    DRAINED = 2  # its pin was taken out of service by the operator
    MOVED = 3  # its session turned out to be served elsewhere
    NEW = 4  # it has no session yet
    HASHED = 5  # consistent hashing of a key that somebody else makes
    BALANCED = 6  # no affinity: the less loaded of two
    NONE = 7  # nobody may take it


REASON_LABELS: tuple[str, ...] = tuple(reason.name.lower() for reason in Reason)
