"""The ASGI shell: fills `scope["session"]`, saves it with the response head, and serves the endpoint."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Unpack

from limpet_session import headers
from limpet_session.endpoint import Reply, say
from limpet_session.loop_shell import LoopShell
from limpet_session.neighbours import alone_at
from limpet_session.shell import Asked, Options, forbidden, framed
from limpet_session.visit import Life

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LIFE = "limpet.life"  # in the scope: for shells that build on this one
_HEADS = {
    "http.response.start",
    "websocket.http.response.start",
    "websocket.accept",
    "websocket.close",  # before any of the others
}


class LimpetSessionMiddleware:
    """Keeps the sessions of an ASGI app behind Limpet: `request.session` in Starlette and FastAPI.

    `keys`: the proxy's `node_keys`. Raises ValueError for keys that cannot be.
    """

    def __init__(self, app: App, keys: Iterable[str | bytes], **options: Unpack[Options]) -> None:
        self.app = app
        self.shell = LoopShell(keys, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, self._following(send) if scope["type"] == "lifespan" else send)
            return
        scope["headers"], ours = headers.split(scope["headers"])
        rest = self.shell.rest(scope["path"].removeprefix(scope.get("root_path", "")))
        if rest is not None:
            await _reply(scope, receive, send, await self._answer(scope, receive, rest, ours))
            return
        shell = self.shell
        crowded = None if alone_at(scope.get("server")) else shell.crowded(ours)
        life = crowded or (await shell.open(ours) if shell.waits else shell.open_at_once(ours))
        if isinstance(life, Reply):
            await _reply(scope, receive, send, life)
            return
        scope["session"], scope[LIFE] = life.session, life
        await _Exchange(scope, send, shell, life).run(self.app, receive)

    def _following(self, send: Send) -> Send:
        """The endpoint is served while the app is up; without a lifespan from the first request on."""

        async def follow(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self.shell.serve()
            elif message["type"].startswith("lifespan.shutdown."):
                self.shell.close()
            await send(message)

        return follow

    async def _answer(self, scope: Scope, receive: Receive, rest: str, ours: dict[bytes, bytes]) -> Reply:
        if scope["type"] != "http":
            return forbidden()
        asked = Asked(scope["method"], rest, scope.get("query_string", b""), ours)
        return await self.shell.answer(asked, lambda limit: _read_body(receive, limit))


class _Exchange:
    """A request that the app answers, and the session that goes with it."""

    def __init__(self, scope: Scope, send: Send, shell: LoopShell, life: Life) -> None:
        self._scope = scope
        self._send = send
        self._shell = shell
        self._life = life
        self._answered = False
        self._refused = False  # a WebSocket that will not be: what the app still sends goes nowhere

    async def run(self, app: App, receive: Receive) -> None:
        try:
            await app(self._scope, receive, self._pass)
            if not self._answered:
                await self._fail()
        except Exception:
            # Without a head of ours the proxy would take this node for one that has no part in the
            # contract; Starlette adds its own page outside of us, so it would be without.
            if not self._answered:
                await self._fail()
            raise
        finally:
            self._life.leave()
        self._life.check()

    def _pass(self, message: Message) -> Awaitable[None]:
        """What the app's `send` is; a body goes to the server's own, without a coroutine of ours between."""
        if not self._answered and message["type"] in _HEADS:
            return self._tell(message)
        return _nothing() if self._refused else self._send(message)

    async def _tell(self, message: Message) -> None:
        """Save the session, and send the head."""
        life, shell = self._life, self._shell
        # As in Django: a request that went wrong on the server has written nothing. (Starlette's page for an
        # exception is such an answer where this is outermost, and never comes here where it is not.)
        if message.get("status", 0) >= 500:
            answer = life.abandon()
        else:
            answer = await shell.finish(life) if shell.waits else life.finish()
        self._answered = True
        kind = message["type"]
        if kind == "websocket.close" or (kind == "websocket.accept" and answer.status):
            # The server's own way to refuse has no headers, and an accepted WebSocket no status.
            self._refused = True
            await _send_reply(self._scope, self._send, Reply(answer.status or 403, answer.headers, b""))
        else:
            told = headers.without_ours(message.get("headers", ())) + answer.headers
            message = {**message, "headers": told}
            if answer.status:
                message["status"] = answer.status
            await self._send(message)
        life.leave()

    async def _fail(self) -> None:
        self._answered = True
        told = say(500, "Internal Server Error", *self._life.abandon().headers)
        await _send_reply(self._scope, self._send, told)


async def _nothing() -> None:
    """What goes nowhere has been sent."""


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The request's body; None: it is larger than `limit`, or did not arrive whole."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _reply(scope: Scope, receive: Receive, send: Send, reply: Reply) -> None:
    """Answer in the app's place."""
    if scope["type"] == "websocket":
        await receive()  # the handshake, before which nothing may be sent
    await _send_reply(scope, send, reply)


async def _send_reply(scope: Scope, send: Send, reply: Reply) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        kind = "websocket.http.response"
    body = b"" if scope.get("method") == "HEAD" else reply.body
    await send({"type": f"{kind}.start", "status": reply.status, "headers": framed(reply)})
    await send({"type": f"{kind}.body", "body": body})
