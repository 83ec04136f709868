"""What the checkers are tried on: a server that keeps sessions as Limpet does, and tells one lie."""

import asyncio
import json
import secrets
from enum import StrEnum
from typing import NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

from sessions.ids import id_text
from sessions.token import Sealer, Token
from tests.survival.clients import COOKIE
from tests.survival.setups import NODES, SECRET, SERVICE

_EVERY = 5  # one in so many occasions is made use of

State = dict[str, object]


class Lie(StrEnum):
    """What it does now and then, or always where its name says so."""

    NONE = "none: it is honest"
    LOST = "an acknowledged write is forgotten"
    EMPTY = "a session is empty, under its own id"
    OLD = "a read is given what was there before"
    STALE = "a stale session is said to be one"
    TWICE = "a write is made twice"
    REPLACED = "a session is replaced by another that is empty"
    FOREIGN = "a session is another user's"
    LOGOUT = "ends are always forgotten: after a logout the id lives"
    LOGIN = "ends are always forgotten: after a login the old id lives"
    BARE = "a write is called unprotected"


class _Kept(NamedTuple):
    version: int
    state: State
    before: State  # before the last write


class Liar:
    """Serves at one port. `told`: how often the lie was told."""

    def __init__(self, lie: Lie) -> None:
        self._lie = lie
        self._sealer = Sealer([SECRET.encode()], SERVICE, NODES)
        self._sessions: dict[str, _Kept] = {}
        self._occasions = 0
        self._server: asyncio.Server | None = None
        self.told = 0

    async def open(self) -> int:
        """The port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def answer(self, target: str, cookie: str) -> tuple[State, int, str]:
        """What the app has seen, the version that it is said to be stale of, and the Set-Cookie line."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
        token = self._sealer.open(cookie.encode()) if cookie else None
        name = token.id if token is not None and token.id in self._sessions else ""
        if name and self._tells(Lie.REPLACED):
            name = ""
        if name and self._tells(Lie.FOREIGN):
            name = next((other for other in self._sessions if other != name), name)
        kept = self._sessions[name] if name else _Kept(1, {}, {})
        if name and self._tells(Lie.EMPTY):
            kept = _Kept(kept.version, {}, {})
        state = self._written(kept.state, asked)
        wrote = state != kept.state
        if not wrote and "login" not in asked and "logout" not in asked:
            seen = kept.before if self._tells(Lie.OLD) else state
            newer = name and token is not None and token.version < kept.version
            return (
                seen,
                kept.version if self._tells(Lie.STALE) else 0,
                self._token(name, kept) if newer else "",
            )
        return state, 0, self._keep(name, kept, state, asked)

    def _written(self, state: State, asked: dict[str, str]) -> State:
        state = dict(state)
        if "add" in asked:
            state["count"] = int(str(state.get("count", 0))) + (2 if self._tells(Lie.TWICE) else 1)
        if "key" in asked:
            state[asked["key"]] = 1
        if "add" in asked or "key" in asked:
            state.setdefault("owner", asked["owner"])
        return state

    def _keep(self, name: str, kept: _Kept, state: State, asked: dict[str, str]) -> str:
        """Keep it, and say under which token."""
        if name and "logout" in asked:
            if not self._tells(Lie.LOGOUT):
                del self._sessions[name]
            return f"{COOKIE}=; Path=/; Max-Age=0"
        if "logout" in asked:
            return ""
        old, name = name, name or id_text(secrets.token_bytes(16))
        if old and "login" in asked:
            name = id_text(secrets.token_bytes(16))
            if not self._tells(Lie.LOGIN):
                del self._sessions[old]
        made = _Kept(kept.version + 1, state, kept.state)
        self._sessions[name] = made if not self._tells(Lie.LOST) else made._replace(state=kept.state)
        return self._token(name, made)

    def _token(self, name: str, kept: _Kept) -> str:
        token = Token(name, 0, kept.version, 1, 1, self._tells(Lie.BARE))
        return f"{COOKIE}={self._sealer.seal(token).decode()}; Path=/"

    def _tells(self, lie: Lie) -> bool:
        """Whether this is an occasion to tell it."""
        if lie is not self._lie:
            return False
        self._occasions += 1
        tells = lie in (Lie.LOGOUT, Lie.LOGIN) or self._occasions % _EVERY == 0
        self.told += tells
        return tells


class _Connection(asyncio.Protocol):
    def __init__(self, liar: Liar) -> None:
        self._liar = liar
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Requests are small, without a body, and come one at a time."""
        assert self._transport is not None
        first, *lines = data.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if line)
        cookie = fields.get("Cookie", "").partition("=")[2]
        seen, stale, given = self._liar.answer(first.split(" ")[1], cookie)
        body = json.dumps({"seen": seen, "stale": stale})
        line = f"Set-Cookie: {given}\r\n" if given else ""
        self._transport.write(f"HTTP/1.1 200 OK\r\n{line}Content-Length: {len(body)}\r\n\r\n{body}".encode())
