"""Nodes for the tests of reconciling: each with a list, and the calls that it has been made."""

from dataclasses import dataclass, field

from sessions.contract.homes import Entry
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind


@dataclass
class StubNode:
    """`silent`: it answers nothing; its list is that of what it holds."""

    keeps_as: bytes = b""
    held: dict[str, Entry] = field(default_factory=dict)
    silent: bool = False
    calls: list[tuple[str, Call, int]] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def hold(self, name: str, version: int, serving: bool = False, ended: bool = False) -> None:
        self.held[name] = Entry(name, version, 60, serving, ended)

    async def entries(self, after: str, limit: int) -> list[Entry] | None:
        self.limits.append(limit)
        names = sorted(name for name in self.held if name > after)
        return None if self.silent else [self.held[name] for name in names[:limit]]

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        self.calls.append((session_id, action.call, action.number))
        self.writers.append(writer)
        if self.silent:
            return None
        held = self.held.get(session_id)
        if action.call is Call.END:
            self.hold(session_id, 0, ended=True)
            return TAKEN
        if held is not None and held.ended:
            return ENDED
        if action.call is Call.PUT:
            self.hold(session_id, action.number)
            return TAKEN
        if held is None:
            return UNKNOWN
        if action.call is Call.FENCE:
            self.hold(session_id, held.version)
        return Answer(Kind.HELD, held.version, b"state", held.serving)
