"""The WSGI shell: fills `environ["limpet.session"]`, saves it with the response head, serves the endpoint."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Unpack

from limpet_session.endpoint import Reply, say
from limpet_session.headers import Header
from limpet_session.shell import Asked, Options, Shell, framed
from limpet_session.visit import Answer, Life

Environ = dict[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None
Write = Callable[[bytes], object]
Fields = list[tuple[str, str]]


class StartResponse(Protocol):
    """PEP 3333."""

    def __call__(self, status: str, fields: Fields, exc_info: ExcInfo = None, /) -> Write: ...


App = Callable[[Environ, StartResponse], Iterable[bytes]]

SESSION = "limpet.session"
LIFE = "limpet.life"
_PREFIX = "HTTP_LIMPET_"
log = logging.getLogger("limpet_session")


class LimpetSession:
    """Keeps the sessions of a WSGI app behind Limpet: `environ["limpet.session"]`.

    A session is saved when the app calls `start_response`, which raises what is wrong with it. (PEP 3333 has
    the head sent with the first bytes of the body, but nothing tells an app when that is.)
    `keys`: the proxy's `node_keys`. Raises ValueError for keys that cannot be.
    """

    def __init__(self, app: App, keys: Iterable[str | bytes], **options: Unpack[Options]) -> None:
        self.app = app
        self.shell = Shell(keys, **options)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        ours = _take_ours(environ)
        rest = self.shell.rest(environ.get("PATH_INFO", ""))
        if rest is not None:
            query = environ.get("QUERY_STRING", "").encode("latin-1")
            asked = Asked(environ["REQUEST_METHOD"], rest, query, ours)
            reply = self.shell.answer(asked, lambda limit: _read_body(environ, limit))
            return _reply(environ, start_response, reply)
        crowded = self.shell.crowded(ours) if environ.get("wsgi.multiprocess") else None
        life = crowded or self.shell.open(ours)
        if isinstance(life, Reply):
            return _reply(environ, start_response, life)
        return _Exchange(environ, start_response, life).run(self.app)


class _Exchange:
    """A request that the app answers, and the session that goes with it."""

    def __init__(self, environ: Environ, start_response: StartResponse, life: Life) -> None:
        self.life = life
        self._environ = environ
        self._start_response = start_response
        self._answer: Answer | None = None  # what the head gets, once the session is saved

    def run(self, app: App) -> Iterable[bytes]:
        self._environ[SESSION] = self.life.session
        self._environ[LIFE] = self.life
        try:
            body = app(self._environ, self._start)
            if self._answer is not None and self._made(body):
                self.end()
                return body
        except Exception:  # noqa: BLE001 -- the app's boundary: it is logged or raised
            return self.fail()
        except BaseException:
            self.life.leave()
            raise
        return _Body(self, body)

    def begin(self) -> None:
        """Bytes of the body go to the server."""
        assert self._answer is not None, "the app made a body and has not called start_response"
        self.life.leave()

    def end(self) -> None:
        """The app is done. Raises SessionClosed where it wrote inside a value after the head."""
        self.life.leave()
        self.life.check()

    def fail(self) -> Iterable[bytes]:
        """The app has raised: log it, and answer 500 unless bytes have been sent; then the server raises it.

        The server's own page would be without our headers, and the proxy would take this node for one that
        has no part in the contract. Requests that did not come from the proxy get it.
        """
        answer = self._answer or self.life.abandon()
        self.life.leave()
        if not answer.headers:
            raise
        log.exception("the app failed")
        self._answer = answer
        page = say(500, "Internal Server Error", *answer.headers)
        return _reply(self._environ, self._start_response, page, sys.exc_info())

    def _start(self, status: str, fields: Fields, exc_info: ExcInfo = None, /) -> Write:
        if self._answer is None:
            # As in Django: a request that went wrong on the server has written nothing.
            self._answer = self.life.abandon() if int(status[:3]) >= 500 else self.life.finish()
        if self._answer.status:
            status = _status(self._answer.status)
        told = [field for field in fields if field[0][:7].lower() != "limpet-"]
        write = self._start_response(status, told + _texts(self._answer.headers), exc_info)

        def pass_on(data: bytes) -> object:
            self.begin()
            return write(data)

        return pass_on

    def _made(self, body: Iterable[bytes]) -> bool:
        """Whether all of the app has run. Servers have better ways to send files, and lists of one."""
        wrapper = self._environ.get("wsgi.file_wrapper")
        return isinstance(body, list | tuple) or (isinstance(wrapper, type) and isinstance(body, wrapper))


class _Body:
    """A body that the app is still making."""

    def __init__(self, exchange: _Exchange, body: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._body = body
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._parts is None:
                self._parts = iter(self._body)
            part = next(self._parts, None)
            self._exchange.begin()
        except Exception:  # noqa: BLE001 -- as above
            self._parts = iter(())
            return b"".join(self._exchange.fail())
        if part is None:
            raise StopIteration
        return part

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._exchange.end()


def _take_ours(environ: Environ) -> dict[bytes, bytes]:
    """The contract's headers by lower-case name, which the app does not see."""
    names = [name for name in environ if name.startswith(_PREFIX)]
    return {
        name[5:].lower().replace("_", "-").encode("latin-1"): environ.pop(name).encode("latin-1")
        for name in names
    }


def _read_body(environ: Environ, limit: int) -> bytes | None:
    """The request's body; None: it is larger than `limit`, or did not arrive whole."""
    told, source = environ.get("CONTENT_LENGTH") or "", environ["wsgi.input"]
    if told:
        length = int(told) if told.isdecimal() else limit + 1
        body: bytes = source.read(length) if length <= limit else b""
        return body if len(body) == length else None
    body = source.read(limit + 1) if environ.get("wsgi.input_terminated") else b""
    return body if len(body) <= limit else None


def _reply(
    environ: Environ, start_response: StartResponse, reply: Reply, exc_info: ExcInfo = None
) -> list[bytes]:
    """Answer in the app's place."""
    start_response(_status(reply.status), _texts(framed(reply)), exc_info)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


def _texts(told: list[Header]) -> Fields:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in told]
