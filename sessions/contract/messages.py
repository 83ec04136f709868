"""What the machines say and are told: the calls to nodes and stores, and their answers."""

from enum import IntEnum
from typing import NamedTuple

STORE = -1  # the target that is not a node; nodes are indices in configured order


class Call(IntEnum):
    GET = 0
    FENCE = 1  # `number` is the fence
    PUT = 2  # `number` is the version of `state`
    END = 3


class Action(NamedTuple):
    """One call about one session to one target. Its answer, or its silence, is to be told to the machine."""

    call: Call
    target: int  # node index or STORE
    number: int = 0
    state: bytes = b""


class Kind(IntEnum):
    """What a call was answered."""

    TAKEN = 0  # of PUT and END: 204, and of a touch
    HELD = 1  # of GET and FENCE: 200
    UNKNOWN = 2  # of GET and FENCE: 404, nothing is held here; of a touch: nothing as new
    REFUSED = 3  # 409: `version` is the higher of version held and fence
    ENDED = 4  # 410


class Answer(NamedTuple):
    """An answer that was understood. Anything else (no answer in time, 5xx, garbage) is silence."""

    kind: Kind
    version: int = 0
    state: bytes = b""
    serving: bool = False


TAKEN = Answer(Kind.TAKEN)
UNKNOWN = Answer(Kind.UNKNOWN)
ENDED = Answer(Kind.ENDED)
