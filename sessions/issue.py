"""Mode `issue`: Limpet's own cookie, beside the app's and hidden from it."""

from typing import Final

from sessions.cookies import read_set_cookie, take_cookie
from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import Sealer
from sessions.visit import (
    NO_STATE,
    Ages,
    Answer,
    Held,
    Visit,
    due,
    first_valid,
    following,
    next_token,
    stranger,
)

_INSERTED: Final = ResponseFlag.I  # bound once: of the enum it costs 70 ns
_NOT_SET: Final = ResponseFlag.N


class IssuedCookie:
    """Recognises users by a cookie that holds the token and nothing else.

    `attributes`: what follows the value in `Set-Cookie`; plain, and where the client came by https.
    `when_written`: the first token is set only beside a `Set-Cookie` of the app.
    """

    __slots__ = ("_ages", "_attributes", "_name", "_sealer", "_when_written", "header", "mints", "oversized")

    def __init__(
        self, name: bytes, sealer: Sealer, ages: Ages, attributes: tuple[bytes, bytes], when_written: bool
    ) -> None:
        self.header = b""
        self.mints = True
        self.oversized = 0
        self._name = name
        self._sealer = sealer
        self._ages = ages
        self._attributes = attributes
        self._when_written = when_written

    def visit(self, cookie: bytes, header: bytes, now: int) -> Visit:
        if cookie.find(self._name) < 0:  # `in` is dearer by a microsecond: it tries a number first
            return stranger(RequestFlag.N, cookie, header, now)
        values, rest = take_cookie(cookie, self._name)
        position, token, flag = first_valid(map(self._sealer.open, values), self._ages, now)
        if token is None:
            return stranger(flag, rest, header, now)
        good_until = self._ages.good_until(token, now)
        renew_at = self._ages.renew_at(token, now)
        sealed = values[position]
        return Visit(token.id, token.node, flag, token, rest, header, good_until, renew_at, sealed)

    def quiet(self, visit: Visit, node: int, now: int) -> bool:
        if visit.token is None:
            return self._when_written
        return node == visit.pin and now < visit.renew_at

    def answer(
        self,
        visit: Visit,
        session_id: str,
        node: int,
        set_cookies: list[bytes],
        header: bytes,
        now: int,
        secure: bool,
        held: Held = NO_STATE,
    ) -> Answer:
        kept = [
            line for line in set_cookies if self._name not in line or read_set_cookie(line).name != self._name
        ]
        if held.over:
            kept.append(b"".join((self._name, b"=", self._attributes[secure], b"; Max-Age=0")))
            return Answer(kept, header, ResponseFlag.D, True)
        flag = due(visit, session_id, node, now, held)
        if flag is _INSERTED and self._when_written and not kept and not held.written:
            flag = _NOT_SET
        if flag is _NOT_SET or not session_id or node < 0:
            return Answer(kept, header, ResponseFlag.N, False)
        token = next_token(visit, session_id, node, now, held)
        sealed = self._sealer.seal(token)
        kept.append(b"".join((self._name, b"=", sealed, self._attributes[secure])))
        return Answer(kept, header, flag, True, following(visit, token, sealed, self._ages, now))
