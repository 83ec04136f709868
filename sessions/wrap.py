"""Mode `wrap` of a cookie: the token sealed round the app's own session cookie.

On the wire `NAME=<token>.<attributes>.<value>`: the 76 characters of the token, the app's attributes in
base64url, the app's value byte for byte. The MAC binds the token to all that follows it.
"""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode

from sessions.cookies import (
    NOT_KEPT,
    SetCookie,
    expiry,
    lasting,
    read_set_cookie,
    replace_cookie,
    take_cookie,
)
from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import SEALED_LENGTH, Sealer, Token
from sessions.visit import NO_STATE, Ages, Answer, Held, Visit, due, first_valid, next_token, stranger

log = logging.getLogger("limpet.sessions")


class WrappedCookie:
    """Recognises users by the app's own session cookie, of which they hold a sealed form.

    The attributes travel in the sealed form because Limpet has to set the cookie again by itself, when
    the session moved or the token aged, and a request does not tell a cookie's path and domain.
    """

    __slots__ = ("_ages", "_name", "_sealer", "header", "mints", "oversized")

    def __init__(self, name: bytes, sealer: Sealer, ages: Ages) -> None:
        self.header = b""
        self.mints = True
        self.oversized = 0
        self._name = name
        self._sealer = sealer
        self._ages = ages

    def visit(self, cookie: bytes, header: bytes, now: int) -> Visit:
        if self._name not in cookie:
            return stranger(RequestFlag.N, cookie, header, now)
        values, rest = take_cookie(cookie, self._name)
        position, token, flag = first_valid(map(self._open, values), self._ages, now)
        if token is None:
            return stranger(flag, rest, header, now)
        attributes, _, value = values[position][SEALED_LENGTH + 1 :].partition(b".")
        return Visit(
            token.id,
            token.node,
            flag,
            token,
            replace_cookie(cookie, self._name, position, value),
            header,
            self._ages.good_until(token, now),
            self._ages.renew_at(token, now),
            values[position],
            value,
            urlsafe_b64decode(attributes + b"=="),
        )

    def quiet(self, visit: Visit, node: int, now: int) -> bool:
        return visit.token is None or (node == visit.pin and now < visit.renew_at)

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
        if not session_id or node < 0:
            return Answer(set_cookies, header, ResponseFlag.N, False)
        token = next_token(visit, session_id, node, now, held)
        lines, wrapped, gone = self._rewrite(set_cookies, token, now)
        if wrapped:
            flag = ResponseFlag.I if visit.token is None else ResponseFlag.U
        elif gone:
            flag = ResponseFlag.D
        elif held.over and visit.token is not None:
            flag, wrapped = ResponseFlag.D, True
            lines.append(self._farewell(visit))
        elif due(visit, session_id, node, now, held) is ResponseFlag.U:
            flag, wrapped = ResponseFlag.U, True
            lines.append(self._again(visit, token))
        else:
            flag = ResponseFlag.N
        return Answer(lines, header, flag, wrapped)

    def _open(self, value: bytes) -> Token | None:
        return open_wrapped(self._sealer, value)

    def _rewrite(self, set_cookies: list[bytes], token: Token, now: int) -> tuple[list[bytes], bool, bool]:
        """The lines to send, whether one of them now holds the token, whether one deletes the cookie."""
        lines: list[bytes] = []
        wrapped = gone = False
        for line in set_cookies:
            cookie = read_set_cookie(line)
            if cookie.name != self._name:
                lines.append(line)
            elif _deleting(cookie, now):
                gone = True
                lines.append(line)
            else:
                wrapped = True
                lines.append(self._wrap(cookie, lasting(cookie.attributes, now), token))
        return lines, wrapped, gone

    def _again(self, visit: Visit, token: Token) -> bytes:
        """The line that replaces the visit's token, the app's value and attributes as they were."""
        quote, attributes = _split_quote(visit.attributes)
        return self._wrap(SetCookie(self._name, visit.value, quote, attributes), attributes, token)

    def _farewell(self, visit: Visit) -> bytes:
        """The line that makes the browser forget the cookie, where the app has not sent one."""
        _, attributes = _split_quote(visit.attributes)
        return b"".join((self._name, b"=", attributes, b"; Max-Age=0"))

    def _wrap(self, cookie: SetCookie, attributes: bytes, token: Token) -> bytes:
        """The line with the token sealed round the value; `attributes`: those to remember."""
        bound = urlsafe_b64encode(cookie.quote + attributes).rstrip(b"=") + b"." + cookie.value
        value = self._sealer.seal(token, bound) + b"." + bound
        if len(cookie.name) + len(value) + 2 * len(cookie.quote) > NOT_KEPT:
            self._note_oversized()
        return cookie.with_value(value)

    def _note_oversized(self) -> None:
        self.oversized += 1
        if (
            self.oversized & (self.oversized - 1) == 0
        ):  # the 1st, 2nd, 4th, 8th...: not a line for each answer
            log.warning(
                "service %s: the app's cookie %s is longer than %d bytes once sealed, and browsers ignore it"
                " (%d so far); use `affinity: {mode: issue}` for this service",
                self._sealer.service,
                self._name.decode(),
                NOT_KEPT,
                self.oversized,
            )


def open_wrapped(sealer: Sealer, sealed: bytes) -> Token | None:
    """The token of `<token>.<what it is bound to>`, or None."""
    if sealed[SEALED_LENGTH : SEALED_LENGTH + 1] != b".":
        return None
    return sealer.open(sealed[:SEALED_LENGTH], sealed[SEALED_LENGTH + 1 :])


def _split_quote(attributes: bytes) -> tuple[bytes, bytes]:
    """The quote that was round the app's value, and its attributes: they are remembered as one text."""
    if attributes.startswith(b'"'):
        return b'"', attributes[1:]
    return b"", attributes


def _deleting(cookie: SetCookie, now: int) -> bool:
    """Whether the app takes its cookie back: by an expiry that has passed, or by leaving nothing in it."""
    ends = expiry(cookie.attributes, now)
    return not cookie.value or (ends is not None and ends <= now)
