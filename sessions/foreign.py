"""Modes `hash` and `none`: nothing of Limpet's is in a request, and nothing is added to an answer."""

from sessions.cookies import take_cookie
from sessions.flags import RequestFlag, ResponseFlag
from sessions.visit import NO_STATE, UNKNOWN, Answer, Held, Visit


class ForeignKey:
    """Takes a cookie or header that somebody else makes as the key to hash; neither named: mode `none`."""

    __slots__ = ("_cookie", "header", "mints", "oversized")

    def __init__(self, cookie: bytes = b"", header: bytes = b"") -> None:
        self.header = header.lower()
        self.mints = False
        self.oversized = 0
        self._cookie = cookie

    def visit(self, cookie: bytes, header: bytes, now: int) -> Visit:
        key = header if self.header else self._cookie_key(cookie)
        flag = RequestFlag.V if key else RequestFlag.N
        return Visit(key.decode("latin-1"), UNKNOWN, flag, None, cookie, header)

    def quiet(self, visit: Visit, node: int, now: int) -> bool:
        return True

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
        return Answer(set_cookies, header, ResponseFlag.N, False)

    def _cookie_key(self, cookie: bytes) -> bytes:
        if not self._cookie or self._cookie not in cookie:
            return b""
        return next(filter(None, take_cookie(cookie, self._cookie)[0]), b"")
