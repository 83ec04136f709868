"""The Flask shell: `flask.session` as Flask has it, kept behind Limpet."""

import json
from collections.abc import Iterable
from typing import Any, Unpack

from flask import Flask, Request, Response, request
from flask.json.provider import DefaultJSONProvider
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SessionInterface, SessionMixin

from limpet_session.serializer import Data
from limpet_session.session import Session
from limpet_session.shell import Options
from limpet_session.snapshots import Snapshot
from limpet_session.wsgi import LIFE, SESSION
from limpet_session.wsgi import LimpetSession as WsgiSession


class FlaskSession(Session, SessionMixin):
    """What `flask.session` is: Limpet's own with what Flask's has."""

    def __init__(self, data: Data | Snapshot | None = None, *more: Any) -> None:
        super().__init__(data, *more)
        self.new = not self


class TaggedSerializer:
    """The JSON of Flask's own sessions: dates, UUIDs, bytes, tuples and Markup come back as what they were.

    The same bytes inside and outside of a request, which Flask's provider would not give.
    """

    plain = True
    _tags = TaggedJSONSerializer()
    _encode = json.JSONEncoder(
        ensure_ascii=False, separators=(",", ":"), default=DefaultJSONProvider.default
    ).encode

    def dumps(self, data: Data) -> bytes:
        return self._encode(self._tags.tag(data)).encode()

    def loads(self, state: bytes) -> Data:
        data = self._tags.loads(state.decode())
        if not isinstance(data, dict):
            raise ValueError("the state of a session must be a JSON object")
        return data


class LimpetSessionInterface(SessionInterface):
    """Gives Flask the session that the WSGI shell has opened, and will save with the response head."""

    def open_session(self, app: Flask, request: Request) -> FlaskSession:
        session = request.environ.get(SESSION)
        return session if isinstance(session, FlaskSession) else FlaskSession()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Raises SessionTooLarge where error handlers can still answer it."""
        if session.accessed:
            response.vary.add("Cookie")
        life = request.environ.get(LIFE)
        if life is not None and response.status_code < 500:
            life.weigh()

    def regenerate(self, session: SessionMixin) -> None:
        """Go on under a new id, as at a login. (The name that Flask-Session has for it.)"""
        if isinstance(session, Session):
            session.renew()


class LimpetSession:
    """Keeps the sessions of a Flask app behind Limpet: `LimpetSession(app, keys=[...])`, or `init_app` later.

    `keys`: the proxy's `node_keys`. Raises ValueError for keys that cannot be.
    """

    def __init__(
        self, app: Flask | None = None, *, keys: Iterable[str | bytes], **options: Unpack[Options]
    ) -> None:
        self._keys = keys if isinstance(keys, str | bytes) else list(keys)
        self._options: Options = {"serializer": TaggedSerializer(), "session": FlaskSession, **options}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        app.session_interface = LimpetSessionInterface()
        app.wsgi_app = WsgiSession(app.wsgi_app, self._keys, **self._options)  # type: ignore[assignment, method-assign]
