"""A plain WSGI app under the servers that people have, with one process and its memory."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.sdk.nodes import KEY, TAKEOVER
from tests.sdk.remote import GEVENT, Remote, User, remote
from tests.sdk.test_flask import CONTRACT

NODE = "tests.sdk.wsgi_node"
SERVERS = {
    "waitress": ("-m", NODE, "waitress", "{port}"),
    "werkzeug": ("-m", NODE, "werkzeug", "{port}"),
    "gunicorn sync": ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", f"{NODE}:app"),
    "gunicorn gthread": (
        *("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket"),
        *("--threads", "8", f"{NODE}:app"),
    ),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def node(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("wsgi")
    # The one that does one thing at a time has an endpoint of its own.
    with remote(SERVERS[server], folder / "log", {"TMPDIR": str(folder)}, endpoint="sync" in server) as node:
        yield node


@pytest.fixture
def user(node: Remote) -> User:
    return User(node)


def test_it_keeps_the_contract(node: Remote) -> None:
    assert node.wrong(**{**CONTRACT, "renew": "/renew"}) == []


def test_a_stream_is_not_held_up_and_holds_up_no_fence(user: User, node: Remote, tmp_path: Path) -> None:
    streams(user, node, tmp_path)


def test_greenlets_of_one_process_need_no_address_for_copies(tmp_path: Path) -> None:
    command = (*SERVERS["gunicorn sync"], "-k", "gevent")
    with remote(command, tmp_path / "log", GEVENT) as node:
        streams(User(node), node, tmp_path)


def streams(user: User, node: Remote, tmp_path: Path) -> None:
    """The endpoint answers while a stream is under way."""
    until = tmp_path / "until"
    told = {"Key": KEY, "Session": user.id, "Version": 0, "TTL": 60}
    fields = {f"Limpet-{name}": str(value) for name, value in told.items()}
    with node.http.stream("POST", f"/stream?until={until}", headers=fields) as answer:
        parts = answer.iter_raw()
        assert next(parts).startswith(b"x")
        assert answer.headers["limpet-version"] == "2"
        assert node.call("POST", f"/{user.id}/fence", Fence=TAKEOVER).json() == {"streamed": 1}
        until.touch()
        assert b"".join(parts).endswith(b"last")


def test_an_app_that_fails_still_takes_part(user: User, node: Remote) -> None:
    answer = user.ask("/fail")
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "1")
    assert "ZeroDivisionError" in node.process.log.read_text()
    assert node.http.get("/fail").status_code == 500


def test_what_is_written_after_the_head_raises(user: User, node: Remote) -> None:
    with suppress(httpx.RemoteProtocolError):  # servers may cut it off
        user.ask("/late")
    assert user.held() == (2, {"early": 1})
    assert "SessionClosed" in node.process.log.read_text()


def test_a_file_is_sent_whole(user: User) -> None:
    assert user.ask("/file").text.startswith('"""A plain WSGI app')
