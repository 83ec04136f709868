"""What a node knows of one session."""

from enum import StrEnum
from typing import NamedTuple

VERSION_LIMIT = 2**53  # versions and fences are below it: exact in a double, so in JavaScript and in Lua


class Need(StrEnum):
    """What a node asks of the proxy instead of an answer."""

    ID = "id"  # the session has ended: send the request again with a new id
    STATE = "state"  # this node may not serve it from what it has


class Record(NamedTuple):
    """One session as this node has it. `version` 0: no state, only a fence or the mark of an end."""

    ttl: int  # seconds, as last told by the proxy
    expires: float  # when it may be forgotten, in the seconds of the node's clock
    version: int = 0
    state: bytes = b""
    # With which version this node began to serve, and when; 0: it only holds a copy. A request may save
    # only while both are what they were when it came in: a session that has been elsewhere since comes back
    # with another version, and one that was forgotten and begins again, with another time.
    since: int = 0
    began: float = 0.0
    fence: int = 0  # the highest it has been given
    ended: bool = False

    @property
    def serving(self) -> bool:
        """Whether requests may be answered from it."""
        return self.since > 0

    def lasting(self, ttl: int, now: float) -> float:
        """Until when it is kept if it is told to be kept for `ttl` seconds: never less long than before."""
        until = now + ttl
        return until if until > self.expires else self.expires

    @property
    def mark(self) -> int:
        """What a newer owner's number must be above."""
        return self.version if self.version > self.fence else self.fence
