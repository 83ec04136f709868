"""A central store in a few lines, by the rule that the real ones have."""

from typing import NamedTuple

from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.stores.rule import put_status
from sessions.stores.store import ANY_BASE, Put, Status


class _Held(NamedTuple):
    version: int = 0
    state: bytes = b""
    fence: int = 0
    ended: bool = False
    writer: str = ""


class Store:
    """Keeps everything; may be down."""

    def __init__(self) -> None:
        self.down = False
        self._held: dict[str, _Held] = {}

    def run(self, session_id: str, action: Action, base: int = ANY_BASE, writer: str = "") -> Answer:
        """One operation."""
        held = self._held.get(session_id, _Held())
        if action.call is Call.END:
            self._held[session_id] = held._replace(ended=True, state=b"")
            return TAKEN
        if held.ended:
            return ENDED
        if action.call is Call.PUT:
            return self._put(session_id, held, action, base, writer)
        if action.call is Call.FENCE:
            if action.number <= max(held.fence, held.version):
                return Answer(Kind.REFUSED, max(held.fence, held.version))
            self._held[session_id] = held._replace(fence=action.number)
        return Answer(Kind.HELD, held.version, held.state) if held.version else UNKNOWN

    def _put(self, session_id: str, held: _Held, action: Action, base: int, writer: str) -> Answer:
        put = Put(session_id, action.number, action.state, writer, 1, base)
        status = put_status(put, held.version, held.fence, held.writer, action.state == held.state)
        if status is Status.TAKEN:
            self._held[session_id] = held._replace(version=action.number, state=action.state, writer=writer)
            return TAKEN
        return Answer(
            Kind.REFUSED, held.version if status is Status.SUPERSEDED else max(held.version, held.fence)
        )
