"""The course of one exchange under the contract: what is sent with it, and what each answer leads to.

A driver does what a step says and tells the course how it went, until a step RELEASEs the node's answer to
the client or REFUSEs it. Nothing here knows of connections: a step is a tuple, and every loop has an end.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from sessions.contract.headers import NO_HANDOVER, NO_VERSION, Need, Told, request_fields
from sessions.contract.messages import Answer, Kind
from sessions.contract.searching import Found, Where
from sessions.contract.settling import Settled
from sessions.contract.versions import fencing_number, next_lineage

MOST_SENDS = 5  # of one request; then 502
_FIRST_PAUSE = 0.1  # seconds, and doubled: in all more than nodes give requests that hold up a fence
MOST_FETCHES = 3  # of one state that its node does not give: it may only be slow
_REFUSED = 400  # the least status of an answer that may not be the app's
MOST_OVERWRITES = 3  # of one write, with on_conflict: last


class Do(IntEnum):
    """What the driver does next, and what it then calls."""

    SEND = 0  # the request to `node`, with `fields()`; then `told` or `failed`
    SEARCH = 1  # for `session_id`; then `found`
    RENAME = 2  # draw a new id and decide for a new session; then `renamed`
    PUT = 3  # `state` as `version` to `node`; then `put`
    FETCH = 4  # the state from `node` (GET); then `fetched`
    SETTLE = 5  # `state` as `version` of `session_id`, its pin being `node`; then `settled`
    END = 6  # mark `session_id` as ended at its copies and the store; then `marked`
    RELEASE = 7  # the answer goes to the client, with the token that `keep` says
    REFUSE = 8  # the client gets `status` instead, for the reason `why`
    ASK = 9  # `node` for `session_id` (GET): whether it takes part at all; then `asked`


class Keep(IntEnum):
    """What becomes of the client's token when the answer is released."""

    NONE = 0  # none is to be set: a request with a dead id that wrote nothing, or one that no app has seen
    TOKEN = 1  # as always: set where something in it has changed, or it is due
    WRITTEN = 2  # a write is in it
    DELETE = 3  # the session is over


class Why(IntEnum):
    """Why an answer was refused: the metric, and what the log says."""

    NOT_FOUND_YET = 0  # somebody who may hold the session has not answered: Retry-After 1
    # Another node's writes won, or its takeover has stopped half-way. FENCE `node` with `version` (unless 0),
    # for it should not serve what cannot be saved; then look who does serve it, and point the token there.
    CONFLICT = 1
    OVER = 2  # the session has ended meanwhile; END it at `node` too
    UNPROTECTED = 3  # on_unprotected: refuse
    NO_CONTRACT = 4  # the node does not take part: down (no contract)
    BROKEN = 5  # the node has broken the contract
    STATE_MISSING = 6  # the state of a write cannot be fetched; who only saw it may be sent again: `moved`
    STATE_TOO_LARGE = 7  # the node's `version`: what was acknowledged before is to take its place
    NEED_FOREVER = 8


class Step(NamedTuple):
    """What to do. Fields that the action does not name are empty."""

    do: Do
    node: int = -1
    session_id: str = ""
    version: int = 0
    state: bytes = b""
    base: int = -1  # SETTLE in a store: the version that it was made from; below 0: any lower one
    keep: Keep = Keep.NONE
    unprotected: bool = False  # RELEASE: to be said in the token
    status: int = 0
    why: Why = Why.BROKEN


_SEND: Final = Do.SEND  # bound once: of an enum's class a name costs 70 ns
_SETTLE: Final = Do.SETTLE
_RELEASE: Final = Do.RELEASE
_TOKEN: Final = Keep.TOKEN
_WRITTEN: Final = Keep.WRITTEN
_NOTHING: Final = Need.NOTHING
_SETTLED: Final = Settled.SETTLED


class Terms(NamedTuple):
    """What a service's settings say about exchanges."""

    key: bytes  # the first of node_keys
    ttl: int  # seconds
    most_state: int  # bytes
    sticky: bool = True
    refuse_unprotected: bool = False
    overwrite: bool = False  # on_conflict: last


class Course:
    """One exchange. `version`, `unprotected`: the token's; `minted`: the id was made for this request."""

    __slots__ = (
        "_dead",
        "_ending",
        "_expected",
        "_fetches",
        "_fresh",
        "_handover",
        "_minted",
        "_overwrites",
        "_sends",
        "_short",
        "_state",
        "_terms",
        "_unprotected",
        "_version",
        "_written",
        "found_last",
        "mark",
        "node",
        "session_id",
    )

    def __init__(self, terms: Terms, session_id: str, version: int, unprotected: bool, minted: bool) -> None:
        self._terms = terms
        self.session_id = session_id
        self.node = -1
        self.found_last: Found | None = None  # for the metrics: how the last search ended
        self.mark = 0  # what a node had against a takeover: the next search goes above it
        self._minted = minted
        # A token of version 0 is from before the service used the contract: its session is searched for.
        self._expected = 0 if minted else max(version, 1)
        self._version = self._expected  # the oldest that may be seen; or that of the state handed over
        self._unprotected = unprotected
        self._fresh = False  # the client's id was dead, this one replaces it
        self._handover = NO_HANDOVER
        self._sends = 0
        self._dead = False  # its end is being told to the store; then it goes on as another
        self._ending = ""  # the id whose end is to be marked before the answer goes out
        self._written = 0  # the version that the client's token gets, and its state
        self._state = b""
        self._fetches = 0
        self._overwrites = 0
        self._short = False  # something of it had nobody to hold it

    @property
    def pause(self) -> float:
        """Seconds to wait before the next search: a node that is being fenced refuses until that is over."""
        return _FIRST_PAUSE * 2.0 ** (self._sends - 2) if self._sends > 1 else 0.0

    # Before the node

    def begin(self, node: int, settled_there: bool) -> Step:
        """`node`: the router's choice. `settled_there`: it is the token's node, or the id was minted.

        Where sessions are not sticky, what the token's node has is no better than what any other has.
        """
        self.node = node
        known = settled_there and (self._minted or self._terms.sticky)
        return self._send() if known else self._search()

    def fields(self) -> bytes:
        """The request's `Limpet-*` lines."""
        return request_fields(
            self._terms.key, self.session_id, self._version, self._terms.ttl, self._handover
        )

    def found(self, found: Found) -> Step:
        """A search has ended."""
        self.found_last = found
        self.node = found.node
        if found.where is Where.ENDED:
            return Step(Do.RENAME)
        if found.where is Where.NOT_YET:
            return self._refuse(503, Why.NOT_FOUND_YET)
        self._handover = found.handover
        self._version = self._expected if found.where is Where.SERVED else found.version
        if found.put is not None:
            return Step(Do.PUT, found.node, self.session_id, found.version, found.put)
        return self._send()

    def put(self, answer: Answer | None) -> Step:
        """The state was put before the request; None: no answer. What stands against it is searched for."""
        if answer is not None and answer.kind is Kind.TAKEN:
            return self._send()
        if answer is not None and answer.kind is Kind.ENDED:
            return self._anew()
        if answer is not None:
            self.mark = max(self.mark, answer.version)
        return self._search()

    def renamed(self, session_id: str, node: int) -> Step:
        """The request goes out again as a new session's."""
        self._expected = 0
        self._unprotected = False
        self._fresh = True
        return self._begin_anew(session_id, node)

    def moved(self, session_id: str, node: int) -> Step:
        """No answer of it counts, and it may be sent again: `node` is the router's next choice.

        `session_id`: another one, where the id was made for this request. The node that failed may serve a
        session by the first, and two that count from 1 on would take each other's versions for their own.
        """
        self._fetches = 0
        self._ending = ""
        if not self._expected:
            return self._begin_anew(session_id, node)
        self.session_id = session_id  # a login whose state was lost has changed it
        self.node = node
        return self._search()

    def over(self) -> Step:
        """Its session has ended meanwhile, no answer of it counts, and it may be sent again."""
        self._fetches = 0
        self._ending = ""
        return self._anew()

    @property
    def sticky(self) -> bool:
        """Whether one node serves the session at a time."""
        return self._terms.sticky

    @property
    def may_send(self) -> bool:
        """Whether the request has not been sent as often as it ever is."""
        return self._sends < MOST_SENDS

    # After the node

    def told(self, status: int, told: Told) -> Step:
        """The node's response head. (One that breaks the grammar is for `broken`.)"""
        if told.need is not _NOTHING:
            return self._needed(status, told)
        version = told.version
        if version == NO_VERSION:
            # A server refuses some requests before its app sees them, which any client can bring about.
            refused = status >= _REFUSED
            return Step(Do.ASK, self.node, self.session_id) if refused else self.asked(None)
        if version < max(self._version, self._handover.number, 1):
            return self._refuse(502, Why.BROKEN)
        if told.renewed:
            self._ending, self.session_id = self.session_id, told.renewed
        elif told.ended:
            self._ending = self.session_id
            return self._mark()
        elif self.found_last is not None and version == self.found_last.number:
            return self._release(max(self.found_last.base, 1))  # only read: the store has it as it was
        elif version == 1 or (version == self._version and not self._unprotected):
            return self._release(version)  # the hot path: nothing new, or nothing to copy
        return self._settle(version, told.state)

    def asked(self, answer: Answer | None) -> Step:
        """Whether the node answers for sessions; None: it does not. If so, its app never saw the request."""
        if answer is None:
            return self._refuse(502, Why.NO_CONTRACT)
        return Step(Do.RELEASE, self.node, self.session_id, keep=Keep.NONE)

    def broken(self) -> Step:
        """The head's `Limpet-*` fields are not what the contract allows."""
        return self._refuse(502, Why.BROKEN)

    def fetched(self, answer: Answer | None) -> Step:
        """The state that the head left out; None: no answer. A later version contains the one told."""
        if answer is None and self._fetches < MOST_FETCHES:
            return self._fetch()
        if answer is not None and answer.kind is Kind.ENDED:
            return self._refuse(503, Why.OVER)
        if answer is None or answer.kind is not Kind.HELD or answer.version < self._written:
            return self._refuse(502, Why.STATE_MISSING)
        return self._settle(answer.version, answer.state)

    def settled(self, verdict: Settled, winner: int = 0) -> Step:
        """The write is safe, or is not. `winner`: of a conflict, what stood against it."""
        if verdict is not _SETTLED:
            return self._not_settled(verdict, winner)
        self._short = False
        return self._mark() if self._ending else self._release(self._written)

    def _not_settled(self, verdict: Settled, winner: int) -> Step:
        if verdict is Settled.CONFLICT:
            return self._overwrite(winner) if self._terms.overwrite else self._conflict(winner)
        if verdict is Settled.ENDED:
            return self._refuse(503, Why.OVER)
        self._short = True
        if self._terms.refuse_unprotected:
            return self._refuse(503, Why.UNPROTECTED)
        return self._mark() if self._ending else self._release(self._written)

    def marked(self, remembered: bool = True) -> Step:
        """The end has been remembered by all who were left to remember it.

        Where sessions are not sticky only the store is asked for them: has it not been told (`remembered`),
        the id lives on, and nothing else may be said.
        """
        if not remembered and not self._terms.sticky:
            return self._refuse(503, Why.UNPROTECTED)
        if self._dead:
            self._dead = False
            return Step(Do.RENAME)
        if self._ending == self.session_id:
            return Step(Do.RELEASE, self.node, self.session_id, keep=Keep.DELETE)
        return self._release(self._written)

    # Private

    def _begin_anew(self, session_id: str, node: int) -> Step:
        self.session_id = session_id
        self.node = node
        self._version = 0
        self._handover = NO_HANDOVER
        self.found_last = None
        self.mark = 0
        return self._send()

    def _send(self) -> Step:
        self._sends += 1
        if self._sends > MOST_SENDS:
            return self._refuse(502, Why.NEED_FOREVER)
        return Step(_SEND, self.node, self.session_id)

    def _search(self) -> Step:
        return Step(Do.SEARCH, self.node, self.session_id)

    def _needed(self, status: int, told: Told) -> Step:
        """A 409 comes from before the app has run; with another status a write was discarded after it has."""
        if status != 409:
            return self._refuse(503, Why.CONFLICT)
        if not self.may_send:
            return self._refuse(502, Why.NEED_FOREVER)
        self.mark = max(self.mark, told.version)
        return self._anew() if told.need is Need.ID else self._search()

    def _anew(self) -> Step:
        """A node remembers the end. Not sticky: unless the store is told, the id lives on elsewhere."""
        if self._terms.sticky:
            return Step(Do.RENAME)
        self._dead = True
        return Step(Do.END, self.node, self.session_id)

    def _settle(self, version: int, state: bytes | None) -> Step:
        self._written = version
        self._state = state or b""
        if state is None:
            return self._fetch()
        if len(state) > self._terms.most_state:
            return self._refuse(502, Why.STATE_TOO_LARGE)._replace(version=version)
        base = -1 if self._terms.sticky or self.found_last is None else self.found_last.base
        return Step(_SETTLE, self.node, self.session_id, version, state, base)

    def _fetch(self) -> Step:
        self._fetches += 1
        return Step(Do.FETCH, self.node, self.session_id, self._written)

    def _overwrite(self, winner: int) -> Step:
        """Store it above the other's. Bounded, since another may do the same at that moment."""
        self._overwrites += 1
        if self._overwrites > MOST_OVERWRITES:
            return self._conflict(winner)
        self._written = fencing_number(max(winner, self._written), 0)
        return Step(Do.SETTLE, self.node, self.session_id, self._written, self._state)

    def _conflict(self, winner: int) -> Step:
        fence = max(winner, next_lineage(self._written)) if self._terms.sticky else 0
        return Step(Do.REFUSE, self.node, self.session_id, fence, status=503, why=Why.CONFLICT)

    def _mark(self) -> Step:
        return Step(Do.END, self.node, self._ending)

    def _release(self, version: int) -> Step:
        written = version > self._expected and version > 1
        keep = _WRITTEN if written else Keep.NONE if self._fresh else _TOKEN
        return Step(_RELEASE, self.node, self.session_id, version, keep=keep, unprotected=self._short)

    def _refuse(self, status: int, why: Why) -> Step:
        return Step(Do.REFUSE, self.node, self.session_id, status=status, why=why)
