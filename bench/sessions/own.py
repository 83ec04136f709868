"""Sessions as an app keeps them itself: read when a request begins, written when it has changed them.

The choices, each the cheaper one where there is one: the session is read once, and only for a request that
has a cookie; it is written only where a topmost key was set (Starlette's own middleware and others write it
each time); a read does not lengthen its time; nothing guards against two requests that write at once.
"""

import secrets
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = b"sid="


class Watched(dict[str, Any]):
    """A session that knows whether it was written."""

    changed = False

    def __setitem__(self, key: str, value: object) -> None:
        self.changed = True
        super().__setitem__(key, value)


class Kept(Protocol):
    """Where sessions are kept."""

    async def load(self, name: str) -> Watched: ...

    async def save(self, name: str, session: Watched) -> None: ...


class InMemory:
    """In this process, as long as it lives."""

    def __init__(self) -> None:
        self._sessions: dict[str, Watched] = {}

    async def load(self, name: str) -> Watched:
        session = self._sessions.get(name) or Watched()
        session.changed = False
        return session

    async def save(self, name: str, session: Watched) -> None:
        self._sessions[name] = session


class OwnSessions:
    """Fills `scope["session"]` by a cookie of the app's own."""

    def __init__(self, app: ASGIApp, kept: Kept) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = cookie(scope)
        session = scope["session"] = await self._kept.load(given) if given else Watched()

        async def saving(message: Message) -> None:
            if message["type"] == "http.response.start" and session.changed:
                name = given or secrets.token_urlsafe(16)
                await self._kept.save(name, session)
                if not given:
                    line = f"sid={name}; Path=/; HttpOnly; SameSite=lax".encode()
                    message["headers"].append((b"set-cookie", line))
            await send(message)

        await self._app(scope, receive, saving)


class NoSessions:
    """Gives each request a session that is neither found nor kept: what all else of it costs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"] = {"count": 0}
        await self._app(scope, receive, send)


def cookie(scope: Scope) -> str:
    """The session's name in the request's cookies, or nothing."""
    for field, value in scope["headers"]:
        if field == b"cookie":
            for part in value.split(b"; "):
                if part.startswith(COOKIE):
                    return str(part[len(COOKIE) :].decode())
    return ""
