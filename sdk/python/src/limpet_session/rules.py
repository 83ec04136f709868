"""The node's rules, one session at a time: from what it has and what it is told to what it has then.

Each rule takes the session's record (None: nothing is known) and returns the record to keep (None: leave all
as it is) and its answer. Rules are pure, so a storage may run one inside a transaction, and again.
"""

from collections.abc import Callable
from typing import NamedTuple

from limpet_session.errors import SessionExhausted, SessionTooLarge
from limpet_session.record import VERSION_LIMIT, Need, Record


class Request(NamedTuple):
    """What the proxy says of the session with a request."""

    id: str
    version: int  # the oldest that may be seen, or that of `state`; 0: there is no such session yet
    state: bytes | None  # handed over
    takeover: int  # the fencing number with which this node takes the session over; 0: it does not
    ttl: int  # seconds
    stale: int = 0  # the version that was expected where `state` is older; 0: it is not


class Refusal(NamedTuple):
    """Why it was not: `mark` is the higher of the version held and the fence."""

    need: Need
    mark: int


class Write(NamedTuple):
    """What a request made of the state that it was let in with."""

    base: bytes
    mine: bytes
    whole: bool  # `mine` takes the place of everything, whatever other requests have written
    merge: Callable[[bytes, bytes, bytes], bytes]  # (base, mine, theirs) -> state
    limit: int  # bytes

    def over(self, theirs: bytes) -> bytes:
        """The state to save where the node now has `theirs`. Raises SessionTooLarge."""
        alone = self.whole or theirs == self.base
        state = self.mine if alone else self.merge(self.base, self.mine, theirs)
        if len(state) > self.limit and state != theirs:
            raise SessionTooLarge(len(state), self.limit)
        return state


class Verdict(NamedTuple):
    """An answer of the endpoint: an HTTP status, and the session where it says something of it."""

    status: int
    version: int = 0
    state: bytes = b""
    serving: bool = False


TAKEN = Verdict(204)


def admit(record: Record | None, request: Request, now: float) -> tuple[Record | None, Record | Refusal]:
    """Whether a request may go to the app, and with what (design: "before its app runs, in this order").

    What it is let in with is what is kept: the ticket with which it may save, see `valid`.
    """
    held = record or Record(request.ttl, now)
    if held.ended:
        return None, Refusal(Need.ID, held.mark)
    known = held if request.state is None else _with_handed(held, request.version, request.state)
    since = _tenure(held, known, request)
    if not since:
        return None, Refusal(Need.STATE, held.mark)
    version = max(since, known.version)
    began = held.began if known is held and since == held.since else now
    expires = held.lasting(request.ttl, now)
    # Field by field: `_replace` takes four times as long, and this is each request's.
    kept = Record(request.ttl, expires, version, known.state, since, began, known.fence)
    return kept, kept


def valid(ticket: Record, record: Record | None) -> bool:
    """Whether the node has served the session all the time since a request was let in with `ticket`."""
    return record is not None and record.since == ticket.since and record.began == ticket.began


def _with_handed(held: Record, version: int, state: bytes) -> Record:
    """What is held once the state handed over is adopted, if it is newer.

    As new with other bytes counts as newer: what the proxy hands over was acknowledged, or is what the
    fences returned, and the node's own is neither.
    """
    if version < held.version or (version == held.version and state == held.state):
        return held
    return held._replace(version=version, state=state, since=0)


def _tenure(held: Record, known: Record, request: Request) -> int:
    """With which version this node serves, from this request on or since before; 0: it may not."""
    if request.takeover:
        # An old or missing copy must not become the new owner's state, so it has to be as new as asked for.
        refused = request.takeover < held.fence or request.takeover <= known.version
        return 0 if refused or known.version < request.version else request.takeover
    if known is not held:
        return 0 if known.version < held.fence else known.version
    if held.since and held.version >= request.version:
        return held.since
    unknown = not held.version and held.fence <= 1
    return 1 if unknown and not request.version else 0


def save(
    record: Record | None, ticket: Record, write: Write, ttl: int, now: float
) -> tuple[Record | None, Record | None]:
    """Saves what a request wrote, and returns the session as it then is; None: discarded, for the session has
    ended or moved on since it came in.

    Raises SessionTooLarge, SessionExhausted.
    """
    if record is None or not valid(ticket, record):
        return None, None
    state = write.over(record.state)
    if state == record.state:
        return None, record
    expires = record.lasting(ttl, now)
    kept = Record(ttl, expires, _next(record.version), state, record.since, record.began, record.fence)
    return kept, kept


def renew(
    old: Record | None, ticket: Record, write: Write, ttl: int, now: float
) -> tuple[Record | None, Record | None, Record | None]:
    """The end of the old id and the record of the new one, which goes on counting where the old one was; and
    that once more as what was saved, None: discarded."""
    if old is None or not valid(ticket, old):
        return None, None, None
    version, state = _next(old.version), write.over(old.state)
    new = Record(ttl, now + ttl, version, state, since=version, began=now)
    return end(old, ttl, now), new, new


def _next(version: int) -> int:
    if version + 1 >= VERSION_LIMIT:
        raise SessionExhausted
    return version + 1


def leave(record: Record | None, ticket: Record, ttl: int, now: float) -> tuple[Record | None, bool]:
    """Ends the session for the app; False: discarded, as a save would be."""
    if not valid(ticket, record):
        return None, False
    return end(record, ttl, now), True


def end(record: Record | None, ttl: int, now: float) -> Record:
    """The mark of an end, remembered for `ttl` seconds at least."""
    held = record or Record(ttl, now)
    return Record(ttl, held.lasting(ttl, now), held.version, fence=held.fence, ended=True)


def get(record: Record | None) -> Verdict:
    """200 with the session, 404, or 410 ended."""
    if record is None or not (record.version or record.ended):
        return Verdict(404)
    if record.ended:
        return Verdict(410)
    return Verdict(200, record.version, record.state, record.serving)


def put(
    record: Record | None, version: int, state: bytes, ttl: int, now: float
) -> tuple[Record | None, Verdict]:
    """Takes a copy: 204, 409 with what stands against it, or 410. The node does not serve it from then on."""
    held = record or Record(ttl, now)
    if held.ended:
        return None, Verdict(410)
    if held.mark > version or (held.version == version and held.state != state):
        return None, Verdict(409, held.mark)
    expires = held.lasting(ttl, now)
    # Field by field, as in `admit`.
    return Record(ttl, expires, version, state, 0, held.began, held.fence), TAKEN


def touch(record: Record | None, version: int, ttl: int, now: float) -> tuple[Record | None, Verdict]:
    """Keeps a copy of at least `version`: 204, 404 with the version held if that is older, or 410."""
    if record is None or record.ended or record.version < version:
        missing = 410 if record and record.ended else 404
        return None, Verdict(missing, record.version if record and missing == 404 else 0)
    return record._replace(ttl=ttl, expires=record.lasting(ttl, now)), Verdict(204, record.version)


def fence(record: Record | None, number: int, ttl: int, now: float) -> tuple[Record | None, Verdict]:
    """Nothing below `number` from now on: as `get`, or 409 with what stands against it, or 410."""
    held = record or Record(ttl, now)
    if held.ended:
        return None, Verdict(410)
    if number <= held.mark:
        return None, Verdict(409, held.mark)
    kept = held._replace(since=0, fence=number, expires=held.lasting(ttl, now))
    return kept, get(kept)
