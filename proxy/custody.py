"""One exchange's session under the contract: the course says what to do, here it is done or passed on.

The node's answer is held until its course releases it; what is slow (searching, copying) is the keeper's.
"""

from collections.abc import Callable
from typing import Final, Protocol

from proxy.faults import NodeFault
from proxy.fields import FieldList
from proxy.response import ResponseHead
from sessions.contract.course import Do, Keep, Step, Why
from sessions.contract.headers import NO_VERSION, ContractFault, Need, read_told
from sessions.contract.messages import STORE
from sessions.contract.searching import Where
from sessions.flags import StateFlag
from sessions.keeping.kept import KeptCourse
from sessions.visit import Held, Visit

# Bound once: a name of the module costs 6 ns, one of an enum class 76.
_RELEASE: Final = Do.RELEASE
_SEND: Final = Do.SEND
_REFUSE: Final = Do.REFUSE
_NO_TOKEN: Final = Keep.NONE
_WRITTEN: Final = Keep.WRITTEN
_DELETE: Final = Keep.DELETE
_NOTHING: Final = Need.NOTHING
_NEED: Final = b"limpet-need"
RETRY = "The session cannot be served right now; try again."
_TEXTS = {
    Why.NOT_FOUND_YET: RETRY,
    Why.CONFLICT: "The session was changed elsewhere at the same time; try again.",
    Why.OVER: "The session has ended meanwhile; try again.",
    Why.UNPROTECTED: "The session's change could not be protected; try again.",
    Why.NO_CONTRACT: "The node does not take part in the session contract.",
    Why.BROKEN: "The node broke the session contract.",
    Why.STATE_MISSING: "The session's new state could not be had from its node.",
    Why.STATE_TOO_LARGE: "The session's new state is too large.",
    Why.NEED_FOREVER: "The node asks for the session's state again and again.",
}


class Errand(Protocol):
    """Something slow that is under way for an exchange."""

    def abandon(self) -> None:
        """The client has gone; what has to end well goes on all the same."""


class Keeper(Protocol):
    """Who searches, copies and stores for a service."""

    def course(
        self, version: int, unprotected: bool, session_id: str, minted: bool, pin: int = -1
    ) -> KeptCourse: ...

    def perform(self, course: KeptCourse, step: Step, done: Callable[[Step], None]) -> Errand: ...

    def sent(self, course: KeptCourse, node: int) -> None:
        """A request is on its way to this node."""

    def busy(self, session_id: str, node: int) -> bool:
        """Whether a node works on a request of this session."""

    def arrived(self, course: KeptCourse, ok: bool) -> None:
        """A node has answered a request that carried a takeover, or failed to."""

    def touch(self, session_id: str, version: int, pin: int) -> None:
        """Keep the copies of a session that is only read."""


class Keeping(Protocol):
    """The exchange, as its custody sees it."""

    def send_to(self, node: int) -> None:
        """Send the request (again) to this node; what the last one answered is dropped."""

    def decide_anew(self) -> tuple[str, int]:
        """A fresh session id, and the node for it. Raises NodeFault where there is none."""

    def contract_missing(self) -> None:
        """The node does not take part, and is not to be asked again."""

    def release(self, head: ResponseHead, payload: bytes, done: bool) -> None: ...

    def fail(self, fault: NodeFault) -> None: ...

    def take_back(self) -> bool:
        """Drop what the node has answered; whether the request may be sent a second time."""

    def repeat(self, fault: NodeFault) -> None:
        """Send a request elsewhere that may be sent twice, as `moved` is then told; otherwise as `fail`."""

    def refuse(self, fault: NodeFault, node: int) -> None:
        """As `fail`, with the token that the custody says, for this node."""


class Custody:
    """`settled_there`: the node is the token's, or the session's id was made for this request."""

    __slots__ = (
        "_course",
        "_done",
        "_errand",
        "_exchange",
        "_head",
        "_keeper",
        "_payload",
        "_refused",
        "held",
        "released",
        "token_id",
    )

    def __init__(self, exchange: Keeping, keeper: Keeper, course: KeptCourse) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._course = course
        self._errand: Errand | None = None
        self._head: ResponseHead | None = None
        self._payload: list[bytes] = []
        self._done = False
        self._refused = False
        self.released = False
        self.token_id = ""  # whose token the client gets; "": none is set
        self.held = Held()  # what the answer's token is to say

    # Called by the exchange

    @property
    def holding(self) -> bool:
        """Whether an answer waits here for its release."""
        return self._head is not None and not self.released

    @property
    def held_bytes(self) -> int:
        """How much of an answer waits here."""
        return sum(map(len, self._payload))

    def says_the_same(self, visit: Visit) -> bool:
        """Whether the client's token, or that it has none, needs no change for the state's sake."""
        token, held = visit.token, self.held
        if token is None:
            return not held.written and not held.over
        return (
            token.version == held.version
            and token.unprotected == held.unprotected
            and token.id == self.token_id
            and not held.over
        )

    @property
    def source(self) -> StateFlag:
        """Where the session's state came from."""
        found = self._course.found_last
        if found is None or found.where in (Where.SERVED, Where.NEW, Where.NOT_YET, Where.ENDED):
            return StateFlag.L
        if found.where is Where.LOST:
            return StateFlag.X
        return StateFlag.S if found.source == STORE else StateFlag.P

    def fields(self) -> bytes:
        """The request's `Limpet-*` lines."""
        return self._course.fields()

    def begin(self, node: int, settled_there: bool) -> bool:
        """Whether the request is to be sent to that node now; otherwise `send_to` says where, later."""
        step = self._course.begin(node, settled_there)
        if step.do is _SEND:
            self._keeper.sent(self._course, node)
            return True
        self._perform(step)
        return False

    def moved(self, session_id: str, node: int) -> None:
        """The request has failed without an answer that counts, and is tried again: the router's next choice.

        `session_id`: the token's, or another one that was made for this try.
        """
        self.abandon()
        self._head = None
        self._refused = False
        self._perform(self._course.moved(session_id, node))

    def head_received(self, head: ResponseHead, limpet: FieldList, payload: bytes, done: bool) -> None:
        """The node has answered; `limpet`: the fields that are for us alone."""
        self._head, self._payload, self._done = head, [payload] if payload else [], done
        try:
            told = read_told(limpet)
        except ContractFault:
            self._keeper.arrived(self._course, False)
            self._perform(self._course.broken())
            return
        self._keeper.arrived(self._course, told.need is _NOTHING and told.version != NO_VERSION)
        self._perform(self._course.told(head.status, told))

    def payload_received(self, data: bytes, done: bool) -> None:
        """More of the held answer."""
        if data:
            self._payload.append(data)
        self._done = done

    def renewed(self, node: int) -> None:
        """The client got a new token for a state that did not change: its copies are to last as long."""
        if not self.held.written and self.held.version:
            self._keeper.touch(self.token_id, self.held.version, node)

    def abandon(self) -> None:
        """The exchange is over before its time."""
        self._keeper.arrived(self._course, False)
        if self._errand is not None:
            self._errand.abandon()
            self._errand = None

    # Private

    def _perform(self, step: Step) -> None:
        self._errand = None
        do = step.do
        if do is _RELEASE:
            self._release(step)
        elif do is _SEND:
            self._head = None
            self._keeper.sent(self._course, step.node)
            self._exchange.send_to(step.node)
        elif do is Do.REFUSE:
            self._refuse(step)
        elif do is Do.RENAME:
            self._rename()
        else:
            self._errand = self._keeper.perform(self._course, step, self._performed)

    def _performed(self, step: Step) -> None:
        """What follows from an errand, which has prepared a refusal itself."""
        self._refused = self._refused or step.do is _REFUSE
        self._perform(step)

    def _refuse(self, step: Step) -> None:
        """The keeper first finds out where the client is to go next."""
        self._head = None
        if step.why is Why.NO_CONTRACT:
            self._exchange.contract_missing()
        if not self._refused:
            self._errand = self._keeper.perform(self._course, step, self._performed)
            return
        if step.why in (Why.CONFLICT, Why.OVER) and self._goes_on(step):
            return
        fault = NodeFault(step.status, step.why.name.lower(), _TEXTS[step.why])
        if step.why is Why.STATE_MISSING:
            self._exchange.repeat(fault)
            return
        if step.keep is Keep.NONE:
            self._exchange.fail(fault)
            return
        self.held = Held(step.version, step.unprotected, over=step.keep is Keep.DELETE)
        self.token_id = self._course.session_id
        self._exchange.refuse(fault, step.node)

    def _goes_on(self, step: Step) -> bool:
        """Whether the request may be sent again: to who serves its session, or as a new one's."""
        course = self._course
        over = step.why is Why.OVER or step.keep is Keep.DELETE
        # Not sticky, a conflict is what was asked for: on_conflict.
        if not (over or course.sticky) or not course.may_send or not self._exchange.take_back():
            return False
        self._refused = False
        self._perform(course.over() if over else course.moved(course.session_id, step.node))
        return True

    def _rename(self) -> None:
        try:
            session_id, node = self._exchange.decide_anew()
        except NodeFault as fault:
            self._exchange.fail(fault)
        else:
            self._perform(self._course.renamed(session_id, node))

    def _release(self, step: Step) -> None:
        head = self._head
        if head is None:
            return
        keep = step.keep
        self.held = Held(step.version, step.unprotected, keep is _WRITTEN, keep is _DELETE)
        self.token_id = "" if keep is _NO_TOKEN else self._course.session_id
        self.released = True
        self._exchange.release(head, b"".join(self._payload), self._done)
        self._payload = []


def asks_again(limpet: FieldList) -> bool:
    """Whether a node needs an id or a state: that says nothing about its health, whatever the status."""
    for name, _ in limpet:  # noqa: SIM110 - each answer: a generator costs more than the rest
        if len(name) == len(_NEED) and name.lower() == _NEED:
            return True
    return False
