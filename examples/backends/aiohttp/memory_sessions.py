"""A storage for aiohttp-session in this process's memory: another process does not know them."""

import secrets

from aiohttp import web
from aiohttp_session import AbstractStorage, Session


class MemoryStorage(AbstractStorage):
    """A dictionary; the cookie holds the key."""

    def __init__(self) -> None:
        super().__init__(cookie_name="AIOHTTP_SESSION", samesite="Lax")
        self.kept: dict[str, dict] = {}

    async def load_session(self, request: web.Request) -> Session:
        key = self.load_cookie(request)
        if key in self.kept:
            return Session(key, data=self.kept[key], new=False, max_age=self.max_age)
        return Session(None, data=None, new=True, max_age=self.max_age)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        if session.empty:
            self.kept.pop(str(session.identity), None)
            self.save_cookie(response, "", max_age=0)
            return
        key = session.identity or secrets.token_urlsafe(16)
        self.kept[key] = self._get_session_data(session)
        self.save_cookie(response, key, max_age=session.max_age)
