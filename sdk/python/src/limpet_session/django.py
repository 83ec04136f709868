"""The Django shell: `SESSION_ENGINE = "limpet_session.django"`, sessions that are kept behind Limpet."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone
from django.utils.module_loading import import_string

from limpet_session.asgi import LIFE, App, LimpetSessionMiddleware, Receive, Scope, Send
from limpet_session.errors import SessionError
from limpet_session.keys import NodeKeys
from limpet_session.session import Session
from limpet_session.shell import Options
from limpet_session.visit import Life, Unkept
from limpet_session.wsgi import Environ, LimpetSession, StartResponse

EXPIRY = "_session_expiry"  # Django's key for what `set_expiry` was given
UNTIL = "_session_until"  # and ours for what follows from it: seconds since the epoch
HANDLER = "limpet.handler"
_ELSEWHERE = "in commands and tests, where there is no Limpet, use another SESSION_ENGINE"


class Visited:
    """The request that is being answered."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.claimed = False

    def claim(self, session_key: str | None) -> bool:
        """Whether a store is that of this request.

        The first one is, which the session middleware makes with what the cookie says, and any that is made
        with the right key. Others ask for somebody else's session.
        """
        first, self.claimed = not self.claimed, True
        return first or session_key == self.life.session.id


_visited: ContextVar[Visited] = ContextVar("limpet_visited")


class SessionStore(SessionBase):
    """`request.session`. Its `session_key` is Limpet's id of the session, which is no secret."""

    _session_key: str | None  # Django's own property

    def __init__(self, session_key: str | None = None) -> None:
        visited = _visited.get(None)
        self._own = visited is not None and visited.claim(session_key)
        self._life = visited.life if visited is not None and self._own else Unkept(Session())
        self._session_cache = self._life.session
        super().__init__(self._life.session.id if self._life.session else None)
        if self._expired():
            self.flush()

    @property
    def stale(self) -> int:
        """The version that should have been found, where only an older state was; 0 as a rule."""
        return self._life.session.stale

    def exists(self, session_key: str | None) -> bool:
        return session_key is not None and session_key == self.session_key

    def create(self) -> None:
        if self.session_key is not None:
            self._life.session.renew()
            self._session_key = None
        self._take_key()
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Whatever can be saved will be, with the response head.

        Raises SessionTooLarge, and TypeError for what is no JSON; SessionError outside of a request, where
        nobody says whose session it is.
        """
        if not self._own:
            raise SessionError(f"only a request's own session can be saved; {_ELSEWHERE}")
        self._take_key()
        self._set_until()
        self._life.weigh()

    def load(self) -> dict[str, Any]:
        return self._life.session

    def delete(self, session_key: str | None = None) -> None:
        """End this session. Raises SessionError for any other: where it is, Limpet knows."""
        if not self._own or session_key not in (None, self.session_key):
            raise SessionError(f"only a request's own session can be ended; {_ELSEWHERE}")
        self._life.session.clear()
        self._life.session.renew()  # for what may still be written; without that it is the end

    def clear(self) -> None:
        self._life.session.clear()
        self.accessed = self.modified = True

    def cycle_key(self) -> None:
        self._life.session.renew()
        self._session_key = None
        self._take_key()
        self.accessed = self.modified = True

    @classmethod
    def clear_expired(cls) -> None:
        """They go by themselves."""

    # None of these waits for anything, so they need no thread.

    async def aexists(self, session_key: str | None) -> bool:
        return self.exists(session_key)

    async def acreate(self) -> None:
        self.create()

    async def asave(self, must_create: bool = False) -> None:
        self.save(must_create)

    async def aload(self) -> dict[str, Any]:
        return self.load()

    async def adelete(self, session_key: str | None = None) -> None:
        self.delete(session_key)

    async def acycle_key(self) -> None:
        self.cycle_key()

    def _take_key(self) -> None:
        if self.session_key is None:
            self._session_key = self._life.session.id or self._get_new_session_key()

    def _set_until(self) -> None:
        """`set_expiry` counts from the last write. (How long others live is the proxy's to say.)"""
        session = self._life.session
        expiry = dict.get(session, EXPIRY)
        if isinstance(expiry, int) and expiry > 0:
            session[UNTIL] = int(time.time()) + expiry
        else:
            session.pop(UNTIL, None)

    def _expired(self) -> bool:
        expiry, until = (dict.get(self._life.session, key) for key in (EXPIRY, UNTIL))
        if isinstance(expiry, str):
            return bool(datetime.fromisoformat(expiry) <= timezone.now())
        return isinstance(until, int) and until <= time.time()


class LimpetChannels:
    """Round an ASGI application of which Django is a part: the router of Channels.

    `scope["session"]` is then what Channels' own middleware makes of the engine, so that `scope["user"]`,
    logins and logouts are as ever. Keys and options are those of the settings.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._shell = LimpetSessionMiddleware(self._answer, _keys(), **_options())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._shell(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if LIFE not in scope:  # the server's start and end
            await self._app(scope, receive, send)
            return
        del scope["session"]  # Channels would take it for one of Django's
        with _visiting(scope[LIFE]):
            await self._app(scope, receive, send)


def _keys() -> list[str]:
    """The settings' `LIMPET_NODE_KEYS`; else the environment's, with commas, or its `LIMPET_NODE_KEY`."""
    told = getattr(settings, "LIMPET_NODE_KEYS", None)
    if told is None:
        said = os.environ.get("LIMPET_NODE_KEYS") or os.environ.get("LIMPET_NODE_KEY", "")
        told = said.split(",") if said else []
    if not told:
        raise ImproperlyConfigured(
            "limpet_session.django needs LIMPET_NODE_KEYS, in the settings or in the environment: "
            "the secrets that the proxy's `node_keys` name"
        )
    return list(told)


def _options() -> Options:
    """`LIMPET_SESSION_OPTIONS` of the settings: the keywords that every shell takes."""
    told = {"serializer": import_string(settings.SESSION_SERIALIZER)()}
    return cast(Options, told | getattr(settings, "LIMPET_SESSION_OPTIONS", {}))


@contextmanager
def _visiting(life: Life) -> Iterator[None]:
    token = _visited.set(Visited(life))
    try:
        yield
    finally:
        _visited.reset(token)


# Django gives an engine the value of its own cookie and nothing else. Limpet says with each request whose it
# is, and wants to hear of each response, those of middleware outside of the sessions' own and error pages
# included. So the shells go round Django's handlers, where nothing is outside.

# A process has one kind of handler, so only that one's shell is made: once, whichever thread is first.
_making = Lock()


@cache
def _wsgi_shell() -> LimpetSession:
    return LimpetSession(_answer_wsgi, _keys(), **_options())


@cache
def _asgi_shell() -> LimpetSessionMiddleware:
    return LimpetSessionMiddleware(_answer_asgi, _keys(), **_options())


def _call_wsgi(self: WSGIHandler, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    environ[HANDLER] = self
    if LIFE in environ:  # the app has put a shell round all that is outside of Django
        return _answer_wsgi(environ, start_response)
    with _making:
        shell = _wsgi_shell()
    return shell(environ, start_response)


async def _call_asgi(self: ASGIHandler, scope: Scope, receive: Receive, send: Send) -> None:
    scope[HANDLER] = self
    if LIFE in scope:
        await _answer_asgi(scope, receive, send)
        return
    with _making:
        shell = _asgi_shell()
    await shell(scope, receive, send)


def _answer_wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    with _visiting(environ[LIFE]):
        answer: Iterable[bytes] = _handle_wsgi(environ.pop(HANDLER), environ, start_response)
        return answer


async def _answer_asgi(scope: Scope, receive: Receive, send: Send) -> None:
    with _visiting(scope[LIFE]):
        await _handle_asgi(scope.pop(HANDLER), scope, receive, send)


NodeKeys(_keys())  # what is wrong with them is said when the server starts
_handle_wsgi, WSGIHandler.__call__ = WSGIHandler.__call__, _call_wsgi
_handle_asgi, ASGIHandler.__call__ = ASGIHandler.__call__, _call_asgi
