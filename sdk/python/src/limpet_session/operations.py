"""What the endpoint may be told to do to a session."""

from typing import NamedTuple

from limpet_session import rules
from limpet_session.record import Record
from limpet_session.rules import Verdict

FENCE_TTL = 86400  # seconds; for a fence of which nobody said how long it is to be remembered
Outcome = tuple[Record | None, Verdict]  # what to keep, None: leave all as it is; and the answer


class Put(NamedTuple):
    """Take a copy."""

    id: str
    version: int
    state: bytes
    ttl: int

    def apply(self, now: float, record: Record | None) -> Outcome:
        return rules.put(record, self.version, self.state, self.ttl, now)


class Touch(NamedTuple):
    """Keep a copy alive."""

    id: str
    version: int
    ttl: int

    def apply(self, now: float, record: Record | None) -> Outcome:
        return rules.touch(record, self.version, self.ttl, now)


class End(NamedTuple):
    """Remember the end."""

    id: str
    ttl: int

    def apply(self, now: float, record: Record | None) -> Outcome:
        return rules.end(record, self.ttl, now), rules.TAKEN


class Get(NamedTuple):
    """Tell the state."""

    id: str


class Fence(NamedTuple):
    """Let nothing below `number` in; `ttl` 0: for as long as the session is kept."""

    id: str
    number: int
    ttl: int

    def apply(self, now: float, record: Record | None) -> Outcome:
        ttl = self.ttl or (record.ttl if record else FENCE_TTL)
        return rules.fence(record, self.number, ttl, now)


Operation = Put | Touch | End | Get | Fence
