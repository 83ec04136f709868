"""Flask sessions in this process's memory: another process does not know them."""

import secrets

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin


class MemorySession(dict, SessionMixin):
    """One visitor's data; `key` is what their cookie holds."""

    def __init__(self, key: str, data: dict) -> None:
        super().__init__(data)
        self.key = key


class MemorySessions(SessionInterface):
    """Keeps sessions on the server, where Flask's own would put them into the cookie."""

    def __init__(self, app: Flask) -> None:
        self.kept: dict[str, dict] = {}
        app.session_interface = self

    def open_session(self, app: Flask, request: Request) -> MemorySession:
        key = request.cookies.get("session", "")
        if key in self.kept:
            return MemorySession(key, self.kept[key])
        return MemorySession(secrets.token_urlsafe(16), {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, MemorySession)
        if session:
            self.kept[session.key] = dict(session)
            response.set_cookie("session", session.key, httponly=True, samesite="Lax")
        elif self.kept.pop(session.key, None) is not None:
            response.delete_cookie("session")

    def regenerate(self, session: MemorySession) -> None:
        """Go on under another key, as one should after a login."""
        self.kept.pop(session.key, None)
        session.key = secrets.token_urlsafe(16)
