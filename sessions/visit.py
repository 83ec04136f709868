"""What a request says about its session, what an answer says, and how old a token may be."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import NODE_GONE, Token

UNKNOWN = -1  # no pin
ALWAYS = 1 << 62  # unix seconds that never come
_LONGEST_LEAD = 24 * 3600  # seconds by which another proxy's clock may be ahead, as HAProxy has it


# Bound once: of an enum's class a name costs 70 ns.
_VALID: Final = RequestFlag.V
_INSERTED: Final = ResponseFlag.I
_UPDATED: Final = ResponseFlag.U
_NOT_SET: Final = ResponseFlag.N


class Visit(NamedTuple):
    """Who a request is from, and what its node is shown. Immutable: a connection may keep and reuse it."""

    session_id: str  # "" = none known; of mode `hash`: the key to hash
    pin: int  # node index, UNKNOWN or NODE_GONE
    flag: RequestFlag
    token: Token | None  # valid and not too old
    cookie: bytes  # the Cookie value for the node; b"" = none
    header: bytes  # the header's value for the node; b"" = none
    good_until: int = ALWAYS  # unix seconds, exclusive: until then the same bytes are this same visit
    renew_at: int = ALWAYS  # unix seconds: from then on the token is set again
    sealed: bytes = b""  # what the client sent: its token, and in mode `wrap` all that is sealed
    value: bytes = b""  # wrap: the app's own value in it
    attributes: bytes = b""  # wrap of a cookie: those that the app gave it


def stranger(flag: RequestFlag, cookie: bytes, header: bytes, now: int) -> Visit:
    """A visit without a session. What was refused for its age may be judged otherwise by a clock set back."""
    good_until = ALWAYS if flag is RequestFlag.N else now
    return Visit("", UNKNOWN, flag, None, cookie, header, good_until)


class Answer(NamedTuple):
    """What of a response's head concerns the session."""

    set_cookies: list[bytes]  # every Set-Cookie value to send
    header: bytes  # the wrapped header's value; b"" = none
    flag: ResponseFlag
    private: bool  # a token was set: nobody but this client may keep the answer
    following: Visit | None = None  # what it is when the client sends the new token where the visit's was


class Held(NamedTuple):
    """What an answer's token is to say of the session's state, where its service keeps states."""

    version: int = 0  # that this answer has seen or made
    unprotected: bool = False  # it has no copy
    written: bool = False  # it was made by this request
    over: bool = False  # the session has ended: the token is to be forgotten


NO_STATE = Held()


class Ages(NamedTuple):
    """How long a token is good for, in seconds."""

    idle: int  # since it was last seen; ALWAYS where the client never replaces it
    lifetime: int  # since it was first seen

    def judge(self, token: Token, now: int) -> RequestFlag:
        """V, E (idle for too long), O (too old) or I (more than 24 hours ahead).

        A smaller lead counts as now: the clocks of proxies differ.
        """
        if max(token.first_seen, token.last_seen) > now + _LONGEST_LEAD:
            return RequestFlag.I
        if now - token.last_seen >= self.idle:
            return RequestFlag.E
        if now - token.first_seen >= self.lifetime:
            return RequestFlag.O
        return RequestFlag.V

    def good_until(self, token: Token, now: int) -> int:
        """When a token that is valid now ends, at the latest."""
        return min(min(token.last_seen, now) + self.idle, min(token.first_seen, now) + self.lifetime)

    def renew_at(self, token: Token, now: int) -> int:
        """When an eighth of its idle time has passed."""
        return min(token.last_seen, now) + max(1, self.idle // 8)


class Found(NamedTuple):
    """The first good one of several tokens under one name."""

    position: int  # among those sent; -1 = none was good
    token: Token | None
    flag: RequestFlag  # V or D of the good one, else the most telling of what was wrong


def first_valid(tokens: Iterable[Token | None], ages: Ages, now: int) -> Found:
    """Find the first token that was sealed here and is not too old.

    A sibling domain can toss cookies of our name at a browser ("cookie tossing"): what does not open
    must not hide one that does.
    """
    worst = RequestFlag.N
    for position, token in enumerate(tokens):
        flag = RequestFlag.I if token is None else ages.judge(token, now)
        if token is not None and flag is RequestFlag.V:
            return Found(position, token, _pinned(token))
        worst = max(worst, flag)
    return Found(-1, None, worst)


def _pinned(token: Token) -> RequestFlag:
    """The flag of a valid token: D where its node is no longer configured."""
    return RequestFlag.D if token.node == NODE_GONE else RequestFlag.V


def due(visit: Visit, session_id: str, node: int, now: int, held: Held = NO_STATE) -> ResponseFlag:
    """Whether an answer has to set a token: I the first, U for what changed or for its age, N not."""
    token = visit.token
    if token is None:
        return _INSERTED
    if (
        node != visit.pin
        or session_id != visit.session_id
        or now >= visit.renew_at
        or held.version != token.version
        or held.unprotected != token.unprotected
    ):
        return _UPDATED
    return _NOT_SET


def following(visit: Visit, token: Token, sealed: bytes, ages: Ages, now: int) -> Visit | None:
    """The visit that opening `sealed` would give, if all else is as in this one; None: not to be told.

    To open a token and to judge it takes three times as long as to say so when it is made.
    """
    good_until = ages.good_until(token, now)  # `now` is when it was made: of its age nothing else is in doubt
    if not visit.sealed or good_until <= now:
        return None
    renew_at = ages.renew_at(token, now)
    return Visit(
        token.id, token.node, _VALID, token, visit.cookie, visit.header, good_until, renew_at, sealed
    )


def next_token(visit: Visit, session_id: str, node: int, now: int, held: Held = NO_STATE) -> Token:
    """The token that follows the visit's: seen now, and first seen when the same session was."""
    old = visit.token
    first_seen = now if old is None or old.id != session_id else min(old.first_seen, now)
    return Token(session_id, node, held.version, first_seen, now, held.unprotected)
