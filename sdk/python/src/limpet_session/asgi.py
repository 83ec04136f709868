"""The ASGI shell: fills `scope["session"]`, saves it with the response head, and serves the endpoint."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from limpet_session import headers
from limpet_session.endpoint import PATH, Call, Endpoint, Plan, Reply, say
from limpet_session.headers import Header, Malformed
from limpet_session.node import MAX_STATE, Node, random_id, refuse
from limpet_session.rules import Refusal
from limpet_session.serializer import Serializer
from limpet_session.storage import Storage
from limpet_session.visit import Life

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FENCE_SECONDS = 0.5  # below the second after which a proxy gives up waiting for an answer
log = logging.getLogger("limpet_session")

_HEADS = {
    "http.response.start",
    "websocket.http.response.start",
    "websocket.accept",
    "websocket.close",  # before any of the others
}


class LimpetSessionMiddleware:
    """Keeps the sessions of an ASGI app behind Limpet: `request.session` in Starlette and FastAPI.

    `keys`: the proxy's `node_keys`. `path`: where the proxy finds the endpoint. `max_state`: bytes.
    `fence_seconds`: how long requests under way may hold up a session's move to another node.
    Raises ValueError for keys that cannot be.
    """

    def __init__(
        self,
        app: App,
        keys: Iterable[str | bytes],
        *,
        path: str = PATH,
        storage: Storage | None = None,
        serializer: Serializer | None = None,
        max_state: int = MAX_STATE,
        fence_seconds: float = FENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        self.app = app
        self.node = Node(
            keys, storage=storage, serializer=serializer, max_state=max_state, clock=clock, new_id=new_id
        )
        self._endpoint = Endpoint(self.node)
        self._path = path.rstrip("/")
        self._fence_seconds = fence_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope["headers"], ours = headers.split(scope["headers"])
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path == self._path or path.startswith(self._path + "/"):
            await self._serve_endpoint(scope, ours, path.removeprefix(self._path), receive, send)
            return
        try:
            life = self.node.open(ours)
        except Malformed as error:
            await _reply(scope, receive, send, say(400, str(error), (headers.VERSION, b"0")))
            return
        except Exception:
            # Whatever a serializer raises: one unreadable state must not look like a node without a contract.
            log.exception("the state of a session cannot be read")
            told = say(500, "the session cannot be read", (headers.VERSION, b"0"))
            await _reply(scope, receive, send, told)
            return
        if isinstance(life, Refusal):
            await _reply(scope, receive, send, Reply(409, refuse(life), b""))
            return
        await _Exchange(scope, receive, send, life).run(self.app)

    async def _serve_endpoint(
        self, scope: Scope, ours: dict[bytes, bytes], path: str, receive: Receive, send: Send
    ) -> None:
        if not self.node.trusts(ours) or scope["type"] != "http":
            await _reply(scope, receive, send, say(403, "a right Limpet-Key is required"))
            return
        body = await _read_body(receive, self._endpoint.max_body)
        if body is None:
            await _reply(scope, receive, send, say(413, f"at most {self._endpoint.max_body} bytes"))
            return
        plan = self._endpoint.plan(Call(scope["method"], path, scope.get("query_string", b""), ours, body))
        await _reply(scope, receive, send, await self._carry_out(plan))

    async def _carry_out(self, plan: Plan) -> Reply:
        """Run the plan, once the requests under way in the sessions that it fences have sent their heads."""
        loop, idle = asyncio.get_running_loop(), asyncio.Event()
        wait = self.node.running.wait(plan.fences, lambda: loop.call_soon_threadsafe(idle.set))
        if wait is None:
            return plan.run()
        try:
            # Who takes longer will find the session gone when it saves, and say so.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(idle.wait(), self._fence_seconds)
            return plan.run()  # before the wait ends: nobody gets in between
        finally:
            wait.end()


class _Exchange:
    """A request that the app answers, and the session that goes with it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, life: Life) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._life = life
        self._answered = False
        self._refused = False  # a WebSocket that will not be: what the app still sends goes nowhere

    async def run(self, app: App) -> None:
        self._scope["session"] = self._life.session
        try:
            await app(self._scope, self._receive, self._pass)
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

    async def _pass(self, message: Message) -> None:
        if self._answered or message["type"] not in _HEADS:
            if not self._refused:
                await self._send(message)
            return
        # As in Django: a request that went wrong on the server has written nothing. (Starlette's page for an
        # exception is such an answer where this is outermost, and never comes here where it is not.)
        failed = message.get("status", 0) >= 500
        answer = self._life.abandon() if failed else self._life.finish()
        self._answered = True
        kind = message["type"]
        if kind == "websocket.close" or (kind == "websocket.accept" and answer.status):
            # The server's own way to refuse has no headers, and an accepted WebSocket no status.
            self._refused = True
            await _send_reply(self._scope, self._send, Reply(answer.status or 403, answer.headers, b""))
        else:
            told = [*headers.without_ours(message.get("headers", ())), *answer.headers]
            message = {**message, "headers": told}
            if answer.status:
                message["status"] = answer.status
            await self._send(message)
        self._life.leave()

    async def _fail(self) -> None:
        self._answered = True
        told = say(500, "Internal Server Error", *self._life.abandon().headers)
        await _send_reply(self._scope, self._send, told)


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
    told: list[Header] = list(reply.headers)
    if reply.status != 204:
        told.append((b"content-length", b"%d" % len(reply.body)))
    body = b"" if scope.get("method") == "HEAD" else reply.body
    await send({"type": f"{kind}.start", "status": reply.status, "headers": told})
    await send({"type": f"{kind}.body", "body": body})
