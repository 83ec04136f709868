"""The WSGI shell: what PEP 3333 allows an app to do, called as a server does."""

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from limpet_session import SessionClosed, SessionTooLarge
from limpet_session.wsgi import App, Environ, ExcInfo, Fields, LimpetSession, StartResponse, Write
from tests.sdk.nodes import KEY, TAKEOVER, TTL, A


class Told(NamedTuple):
    """What a client gets."""

    status: int
    fields: dict[str, str]
    body: bytes


class Server:
    """Asks an app as a WSGI server does: the head goes with the first bytes, or at the end."""

    def __init__(self, app: App, **options: Any) -> None:
        self.shell = LimpetSession(app, [KEY], **{"max_state": 1000, **options})

    def ask(self, path: str = "/", version: int = 0, method: str = "GET", **fields: object) -> Told:
        told = {"Key": KEY, "Session": A, "Version": version, "TTL": TTL, **fields}
        return self.send(method, path, told)

    def call(self, method: str, path: str, body: bytes = b"", **fields: object) -> Told:
        return self.send(method, f"/.limpet/sessions{path}", {"Key": KEY, **fields}, body)

    def send(self, method: str, path: str, told: dict[str, object], body: bytes = b"") -> Told:
        environ: Environ = {f"HTTP_LIMPET_{name.upper()}": str(value) for name, value in told.items()}
        environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": ""}
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)) if body else ""}
        setup_testing_defaults(environ)
        if not body:
            del environ["CONTENT_LENGTH"]
        return _served(validator(self.shell), environ)

    def held(self) -> tuple[int, bytes]:
        told = self.call("GET", f"/{A}")
        return int(told.fields["limpet-version"]), told.body


def _served(app: Any, environ: Environ) -> Told:
    heads: list[tuple[str, Fields]] = []
    parts: list[bytes] = []

    def start_response(status: str, fields: Fields, exc_info: ExcInfo = None) -> Write:
        if exc_info and exc_info[1] and any(parts):
            raise exc_info[1]
        assert not heads or exc_info
        heads.append((status, fields))
        return parts.append

    body = app(environ, start_response)
    try:
        parts.extend(body)
    finally:
        body.close()
    status, fields = heads[-1]
    names = [name.lower() for name, _ in fields]
    assert len(set(names)) == len(names), names
    return Told(int(status[:3]), {name.lower(): value for name, value in fields}, b"".join(parts))


def plain(write: Callable[[Any], object]) -> App:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write(environ["limpet.session"])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Limpet-Version", "99")])
        return [b"fine"]

    return app


def test_a_write_is_saved_and_told() -> None:
    server = Server(plain(lambda session: session.update(a=1)))
    told = server.ask()
    assert (told.status, told.body) == (200, b"fine")
    assert (told.fields["limpet-version"], told.fields["limpet-state"]) == ("2", "eyJhIjoxfQ==")
    assert server.held() == (2, b'{"a":1}')
    assert "limpet-state" not in server.ask(version=2).fields


def test_a_login_renews_and_a_logout_ends() -> None:
    assert "limpet-renew" in Server(plain(lambda session: session.renew())).ask().fields
    server = Server(plain(lambda session: session.end()))
    assert server.ask().fields["limpet-end"] == "1"
    told = server.ask()
    assert (told.status, told.fields["limpet-need"]) == (409, "id")


def test_a_refused_request_does_not_reach_the_app() -> None:
    calls: list[object] = []
    server = Server(plain(calls.append))
    told = server.ask(version=7)
    assert (told.status, told.fields["limpet-need"], told.fields["limpet-version"]) == (409, "state", "0")
    told = server.ask(Takeover="x")
    assert (told.status, told.fields["limpet-version"]) == (400, "0")
    assert calls == []


def test_the_app_sees_no_header_of_ours() -> None:
    seen: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.extend(name for name in environ if "LIMPET" in name)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    assert Server(app).ask(version=3, Takeover=TAKEOVER, State="").fields["limpet-version"] == str(TAKEOVER)
    assert seen == []


def test_without_the_key_the_app_runs_and_nothing_is_told_or_kept() -> None:
    server = Server(plain(lambda session: session.update(a=1)))
    told = server.ask(Key="guessed")
    assert told.status == 200 and not [name for name in told.fields if name.startswith("limpet-")]
    assert server.call("GET", f"/{A}").status == 404


def test_a_state_above_the_limit_raises_in_the_app_before_anything_changed() -> None:
    raised: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["limpet.session"]["large"] = "x" * 2000
        try:
            start_response("200 OK", [("Content-Type", "text/plain")])
        except SessionTooLarge as error:
            raised.append(str(error))
            start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"never mind"]

    server = Server(app)
    told = server.ask()
    assert (told.status, told.fields["limpet-version"], told.body) == (200, "1", b"never mind")
    assert len(raised) == 1 and server.held() == (1, b"")


def test_an_app_that_fails_still_takes_part(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["limpet.session"]["lost"] = 1
        raise ZeroDivisionError

    server = Server(app)
    told = server.ask()
    assert (told.status, told.fields["limpet-version"]) == (500, "1")
    assert server.held() == (1, b"") and "ZeroDivisionError" in caplog.text
    with pytest.raises(ZeroDivisionError):
        server.ask(Key="guessed")


def test_an_answer_of_500_saves_nothing() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["limpet.session"]["lost"] = 1
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b""]

    server = Server(app)
    assert server.ask().status == 503 and server.held() == (1, b"")


def test_a_generator_may_start_the_response_and_not_write_after_it() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        environ["limpet.session"]["early"] = 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first"
        environ["limpet.session"]["late"] = 1

    server = Server(app)
    with pytest.raises(SessionClosed):
        server.ask()
    assert server.held() == (2, b'{"early":1}')


@pytest.mark.parametrize("sent", [False, True])
def test_a_body_that_fails(sent: bool, caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        environ["limpet.session"]["kept"] = 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first" if sent else b""
        raise ZeroDivisionError

    server = Server(app)
    if sent:
        with pytest.raises(ZeroDivisionError):
            server.ask()
    else:
        told = server.ask()
        assert (told.status, told.fields["limpet-version"], told.body) == (
            500,
            "2",
            b"Internal Server Error\n",
        )


def test_the_write_callable_and_an_error_page_in_place_of_the_head() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["limpet.session"]["a"] = 1
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise ZeroDivisionError
        except ZeroDivisionError as error:
            info = type(error), error, error.__traceback__
            write = start_response("404 Not Found", [("Content-Type", "text/plain")], info)
        write(b"one")
        return [b"two"]

    told = Server(app).ask()
    assert (told.status, told.fields["limpet-version"], told.body) == (404, "2", b"onetwo")


def test_a_body_without_a_head_is_the_apps_error() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return iter([b"first"])

    told = Server(app).ask()
    assert (told.status, told.fields["limpet-version"]) == (500, "1")


def test_a_write_inside_a_value_after_the_head_is_an_error() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        cart = environ["limpet.session"].setdefault("cart", [])
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first"
        cart.append("too late")

    server = Server(app)
    with pytest.raises(SessionClosed):
        server.ask()
    assert server.held() == (2, b'{"cart":[]}')


def test_a_write_that_is_discarded_is_503() -> None:
    server: Server

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["limpet.session"]["a"] = 1
        server.call("POST", f"/{A}/fence", Fence=TAKEOVER)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"fine"]

    server = Server(app, fence_seconds=0.01)
    told = server.ask()
    assert (told.status, told.fields["limpet-need"]) == (503, "state")


def test_a_file_goes_out_in_the_servers_way() -> None:
    class Wrapper(list[bytes]):
        pass

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Wrapper([b"a file"])

    shell = LimpetSession(app, [KEY])
    environ: Environ = {"wsgi.file_wrapper": Wrapper}
    setup_testing_defaults(environ)
    assert isinstance(shell(environ, lambda *head: [].append), Wrapper)


def test_the_endpoint_is_only_for_who_knows_the_key() -> None:
    server = Server(plain(lambda session: None))
    assert server.call("GET", "/", Key="guessed").status == 403
    assert server.call("GET", "/").status == 200
    assert server.call("PUT", f"/{A}", b"x" * 2000, Version=3, TTL=60).status == 413
    assert server.call("PUT", f"/{A}", b"x" * 1_000_000, Version=3, TTL=60).status == 413
    assert server.call("PUT", f"/{A}", b"x" * 900, Version=3, TTL=60).status == 204
    told = server.call("HEAD", f"/{A}")
    assert (told.status, told.fields["content-length"], told.body) == (200, "900", b"")


def test_the_reading_of_a_session_that_cannot_be_is_one_failed_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(plain(lambda session: None))
    with caplog.at_level(logging.CRITICAL):
        server.call("PUT", f"/{A}", b"not JSON", Version=3, TTL=60)
        told = server.ask(version=3, Takeover=TAKEOVER)
    assert (told.status, told.fields["limpet-version"]) == (500, "0")
