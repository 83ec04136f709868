"""After a node's write was refused for its size: what was acknowledged before takes its place again."""

from collections.abc import Callable

from sessions.contract.messages import STORE, Action, Answer, Call, Kind
from sessions.contract.searching import Around, Found, Search, Where
from sessions.keeping.asking import Asking
from sessions.keeping.runs import SearchRun
from sessions.keeping.targets import Targets


class Restoring:
    """One session at one node. `search` leaves out the write; `over` is told when all is done that can be.

    Where nobody else has the session as new as the token, the node keeps what it has: too large is better
    than lost.
    """

    __slots__ = ("_node", "_number", "_over", "_run", "_session_id", "_targets", "_timeout")

    def __init__(
        self,
        targets: Targets,
        session_id: str,
        node: int,
        search: Search,
        around: Callable[[], Around],
        timeout: float,
        over: Callable[[], None],
    ) -> None:
        self._targets = targets
        self._session_id = session_id
        self._node = node
        self._timeout = timeout
        self._over = over
        self._number = 0
        self._run = SearchRun(targets, session_id, search, around, timeout, self._found)

    def start(self) -> None:
        self._run.start()

    def _found(self, found: Found) -> None:
        self._number = found.handover.number
        if found.where is Where.TAKEOVER:
            self._ask(Action(Call.GET, found.source), self._held)
        elif found.where is Where.NEW and found.source < STORE:
            self._put(b"")
        else:
            self._over()

    def _held(self, answer: Answer | None) -> None:
        if answer is not None and answer.kind is Kind.HELD:
            self._put(answer.state)
        else:
            self._over()

    def _put(self, state: bytes) -> None:
        """All were fenced with the number, so nobody else can use it."""
        self._ask(Action(Call.PUT, self._node, self._number, state), lambda _: self._over())

    def _ask(self, action: Action, heard: Callable[[Answer | None], None]) -> None:
        asking = Asking(self._targets, self._session_id, lambda _, answer: heard(answer))
        asking.send(action, self._timeout)
