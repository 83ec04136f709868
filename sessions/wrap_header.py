"""Mode `wrap` of a header: the token sealed round an id that the app gives in a header, as MCP servers do.

On the wire `<token>.<value>`, the value byte for byte and bound by the MAC.
"""

from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import SEALED_LENGTH, Sealer
from sessions.visit import ALWAYS, NO_STATE, Ages, Answer, Held, Visit, first_valid, next_token, stranger
from sessions.wrap import open_wrapped


class WrappedHeader:
    """Recognises users by the app's session id in a header.

    Clients take the id from the first answer and never replace it, so the token is never seen anew:
    only its lifetime counts, not how long it was idle.
    """

    __slots__ = ("_ages", "_sealer", "header", "mints", "oversized")

    def __init__(self, name: bytes, sealer: Sealer, lifetime: int) -> None:
        self.header = name.lower()
        self.mints = True
        self.oversized = 0
        self._sealer = sealer
        self._ages = Ages(ALWAYS, lifetime)

    def visit(self, cookie: bytes, header: bytes, now: int) -> Visit:
        if not header:
            return stranger(RequestFlag.N, cookie, b"", now)
        _, token, flag = first_valid([open_wrapped(self._sealer, header)], self._ages, now)
        if token is None:
            # Not taken out: an MCP client starts a new session only on the 404 that a node gives to an
            # id that it does not know, and on a request without one the node would start a session.
            return stranger(flag, cookie, header, now)
        value = header[SEALED_LENGTH + 1 :]
        good_until = self._ages.good_until(token, now)
        return Visit(token.id, token.node, flag, token, cookie, value, good_until, sealed=header, value=value)

    def quiet(self, visit: Visit, node: int, now: int) -> bool:
        return True  # a token is set only round the header, never by itself

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
        if not header or not session_id or node < 0:
            return Answer(set_cookies, header, ResponseFlag.N, False)
        known = visit.token is not None
        if known and header == visit.value and node == visit.pin and session_id == visit.session_id:
            # The very bytes that the client holds: to it, another id would be another session.
            return Answer(set_cookies, visit.sealed, ResponseFlag.N, True)
        sealed = self._sealer.seal(next_token(visit, session_id, node, now), header)
        flag = ResponseFlag.U if known else ResponseFlag.I
        return Answer(set_cookies, sealed + b"." + header, flag, True)
