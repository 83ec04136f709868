"""The aiohttp shell: a storage for aiohttp_session that keeps its sessions behind Limpet."""

import logging
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, Unpack

from aiohttp import http, web
from aiohttp.typedefs import Handler
from aiohttp_session import AbstractStorage, Session
from multidict import CIMultiDict, CIMultiDictProxy

from limpet_session import headers
from limpet_session.endpoint import Reply
from limpet_session.errors import SessionClosed
from limpet_session.headers import Header
from limpet_session.loop_shell import LoopShell
from limpet_session.neighbours import alone_at
from limpet_session.session import Session as Kept
from limpet_session.shell import Asked, Options
from limpet_session.visit import Answer, Life

CREATED = "_created"  # a key of the state that the app does not see: when the session was first written
log = logging.getLogger("limpet_session")


class LimpetStorage(AbstractStorage):
    """`aiohttp_session.setup(app, LimpetStorage(app, keys=[...]))`, where `app` is the outermost application.

    `keys`: the proxy's `node_keys`. Raises ValueError for keys that cannot be.
    """

    def __init__(self, app: web.Application, keys: Iterable[str | bytes], **options: Unpack[Options]) -> None:
        super().__init__()
        self.shell = LoopShell(keys, **options)
        app.middlewares.insert(0, self._admit)
        app.on_response_prepare.append(_tell)
        app.on_startup.append(self._serve)
        app.on_cleanup.append(self._close)

    async def load_session(self, request: web.Request) -> Session:
        return _exchange().load()

    async def new_session(self) -> Session:
        return _exchange().renew()

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        """Nothing is saved before the response head, but what cannot be saved is told here, to the app."""
        _exchange().life.weigh()

    async def _serve(self, _app: web.Application) -> None:
        self.shell.serve()

    async def _close(self, _app: web.Application) -> None:
        self.shell.close()

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Outside of all other middleware."""
        ours = _take_ours(request)
        rest = self.shell.rest(request.path)
        if rest is not None:
            asked = Asked(request.method, rest, request.rel_url.raw_query_string.encode(), ours)
            return _response(await self.shell.answer(asked, lambda limit: _read_body(request, limit)))
        served_at = request.transport.get_extra_info("sockname") if request.transport else None
        crowded = None if alone_at(served_at) else self.shell.crowded(ours)
        life = crowded or await self.shell.open(ours)
        if isinstance(life, Reply):
            return _response(life)
        return await _Exchange(self.shell, life).run(request, handler)


class _Exchange:
    """A request that the app answers, and the session that goes with it."""

    def __init__(self, shell: LoopShell, life: Life) -> None:
        self.life = life
        self._shell = shell
        self._session: _KeptSession | None = None
        self._answer: Answer | None = None  # what the head gets, once the session is saved

    def load(self) -> Session:
        """What `get_session` returns."""
        self._session = _KeptSession(self.life.session)
        return self._session

    def renew(self) -> Session:
        """What `new_session` returns: nothing of the old session, and another id."""
        if self._session is not None:
            self._session.part()
        self.life.session.clear()
        self.life.session.renew()
        return self.load()

    async def run(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        _current.set(self)  # each request has a task of its own, so nobody has to take it back
        try:
            response = await handler(request)
            if not response.prepared:
                await self._settle(response)
        except web.HTTPException as raised:
            await self._settle(raised)
            raise
        finally:
            self.life.leave()
        self._check()
        return response

    async def tell(self, request: web.Request, response: web.StreamResponse) -> None:
        """The head is about to be sent. Where the app does that itself, what this raises is raised in it."""
        try:
            discarded = self._answer is None and await self._settle(response)
        except BaseException:
            _start_again(request)
            raise
        if discarded and response.prepared:
            _start_again(request)
            raise web.HTTPServiceUnavailable
        assert self._answer is not None
        _replace(response, self._answer.headers)
        self.life.leave()

    async def _settle(self, response: web.StreamResponse) -> bool:
        """Save the session, unless that has been done; True: it has been discarded. Raises SessionError, or
        what the serializer raises; then nothing is saved, and the next answer is without."""
        if self._answer is None:
            # As in Django: a request that went wrong on the server has written nothing.
            failed = response.status >= 500
            self._answer = self.life.abandon() if failed else await self._shell.finish(self.life)
        if self._answer.status and not response.prepared:
            response.set_status(self._answer.status)
        return self._answer.status != 0

    def _check(self) -> None:
        try:
            self.life.check()
        except SessionClosed:
            # Raised, this would cut off an answer that the app has streamed.
            log.exception("a value of a session was written after the response head, which is not saved")


_current: ContextVar[_Exchange] = ContextVar("limpet_exchange")


def _exchange() -> _Exchange:
    exchange = _current.get(None)
    if exchange is None:
        raise RuntimeError("the session belongs to a request of the application that LimpetStorage was given")
    return exchange


async def _tell(request: web.Request, response: web.StreamResponse) -> None:
    exchange = _current.get(None)
    if exchange is not None:
        await exchange.tell(request, response)


class _KeptSession(Session):
    """aiohttp_session's session over that of the SDK: what is written here is written there."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.id or None, data=None, new=not kept)
        self._kept = kept
        self._mapping: dict[str, Any] = kept
        self._created = int(dict.get(kept, CREATED, self._created))

    @property
    def identity(self) -> str | None:
        return self._kept.id or None

    @property
    def stale(self) -> int:
        """The version that should have been found, where only an older state was; 0 as a rule."""
        return self._kept.stale

    @property
    def empty(self) -> bool:
        return not len(self)

    def part(self) -> None:
        """From now on this is a dict of its own: `new_session` has been called."""
        self._mapping = self._kept.copy()

    def invalidate(self) -> None:
        self._mapping.clear()
        if self._mapping is self._kept:
            self._kept.renew()  # for what may still be written; without that it is the end
        self._changed = True

    def clear(self) -> None:
        self.invalidate()

    def set_new_identity(self, identity: object) -> None:
        raise RuntimeError("the ids of sessions are Limpet's; `new_session` goes on under another one")

    def __len__(self) -> int:
        return len(self._mapping) - (CREATED in self._mapping)

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._mapping if key != CREATED)

    def __setitem__(self, key: str, value: object) -> None:
        created = self._created
        self._mapping.setdefault(CREATED, created)
        super().__setitem__(key, value)
        self._created = created  # when it was made, as documented, and not when it was last written

    def __delitem__(self, key: str) -> None:
        created = self._created
        super().__delitem__(key)
        self._created = created


def _take_ours(request: web.Request) -> dict[bytes, bytes]:
    """The contract's headers by lower-case name, which the app does not see."""
    message = request._message
    raw, ours = headers.split(message.raw_headers)
    if len(raw) < len(message.raw_headers):
        kept = CIMultiDict((name, value) for name, value in message.headers.items() if not _reserved(name))
        # `clone` would do this, were it not for values that are not UTF-8, on which it fails; and the app's
        # signals would be given the request that still has them.
        message = message._replace(headers=CIMultiDictProxy(kept), raw_headers=tuple(raw))
        request._message, request._headers = message, message.headers
        request._cache.pop("headers", None)  # aiohttp has looked at them, and remembers
    return ours


def _reserved(name: str) -> bool:
    return name[:7].lower().replace("_", "-") == "limpet-"


async def _read_body(request: web.Request, limit: int) -> bytes | None:
    """The request's body; None: it is larger than `limit`."""
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


def _response(reply: Reply) -> web.Response:
    """An answer in the app's place."""
    return web.Response(status=reply.status, headers=_texts(reply.headers), body=reply.body or None)


def _replace(response: web.StreamResponse, told: list[Header]) -> None:
    """The contract's headers, whatever the app has set."""
    for name in [name for name in response.headers if _reserved(name)]:
        response.headers.popall(name, None)
    response.headers.extend(_texts(told))


def _start_again(request: web.Request) -> None:
    """Forget how the head that was not sent would have framed its body: another one follows."""
    request._payload_writer = http.StreamWriter(request.protocol, request._loop)


def _texts(told: list[Header]) -> CIMultiDict[str]:
    return CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in told)
