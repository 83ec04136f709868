"""`request.session` from this process's memory: another process does not know them."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class MemorySessionMiddleware:
    """Keeps sessions on the server, where Starlette's own would put them into the cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: dict[str, dict] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        key = HTTPConnection(scope).cookies.get("sid", "")
        before = self.kept.get(key, {})
        scope["session"] = dict(before)

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["session"] != before:
                cookie = self.keep(key, scope["session"])
                MutableHeaders(scope=message).append(
                    "set-cookie", f"{cookie}; path=/; httponly; samesite=lax"
                )
            await send(message)

        await self.app(scope, receive, pass_on)

    def keep(self, key: str, session: dict) -> str:
        """What the cookie says from now on."""
        if not session:
            del self.kept[key]
            return "sid=; max-age=0"
        if key not in self.kept:
            key = secrets.token_urlsafe(16)
        self.kept[key] = session
        return f"sid={key}"
