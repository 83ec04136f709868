"""The affinity flags of the access log and the metrics: HAProxy's letters, and one more for the state."""

from enum import IntEnum


class RequestFlag(IntEnum):
    """What the request carried. `V` becomes `D` where the caller finds the pinned node unavailable."""

    N = 0  # none
    I = 1  # noqa: E741 - invalid: tampered, foreign, more than a day ahead
    D = 2  # valid, but its node is down or no longer configured
    V = 3  # valid
    E = 4  # expired: idle for too long
    O = 5  # noqa: E741 - too old


class ResponseFlag(IntEnum):
    """What the answer did to the token."""

    N = 0  # nothing
    I = 1  # noqa: E741 - inserted
    U = 2  # updated
    D = 3  # deleted, by the app


class StateFlag(IntEnum):
    """Where the session's state was found."""

    L = 0  # on the node that served it
    P = 1  # handed over from a peer
    S = 2  # from the store
    X = 3  # nowhere: lost


REQUEST_LABELS = tuple(flag.name for flag in RequestFlag)
RESPONSE_LABELS = tuple(flag.name for flag in ResponseFlag)
STATE_LABELS = tuple(flag.name for flag in StateFlag)
