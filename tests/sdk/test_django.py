"""`SESSION_ENGINE = "limpet_session.django"` in a real Django, under gunicorn and under uvicorn."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.examples.running import ROOT
from tests.sdk.nodes import KEY, TAKEOVER, TTL
from tests.sdk.remote import Remote, User, remote

APP = "tests.sdk.django_app"
CHANNELS = "tests.sdk.channels_app:app"
SERVERS = {
    "wsgi": [
        "-m",
        "gunicorn",
        "--threads=4",
        "--no-control-socket",
        "--bind=127.0.0.1:{port}",
        f"{APP}:wsgi",
    ],
    "asgi": ["-m", "uvicorn", "--log-level=warning", "--port={port}", f"{APP}:asgi"],
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("django") / "users.db"
    env = {**os.environ, "DJANGO_DATABASE": str(file)}
    subprocess.run([sys.executable, "-m", APP], cwd=ROOT, env=env, check=True, timeout=60)
    return file


@pytest.fixture(scope="module", params=SERVERS)
def node(request: pytest.FixtureRequest, database: Path) -> Iterator[Remote]:
    server: str = request.param
    log = database.parent / f"{server}.log"
    with remote(SERVERS[server], log, {"DJANGO_DATABASE": str(database)}) as it:
        yield it


@pytest.fixture(params=SERVERS)
def wrapped(request: pytest.FixtureRequest, database: Path) -> Iterator[Remote]:
    """The same app, with something outside of Django and a shell of its own outside of that."""
    server: str = request.param
    words = [word.replace(f"{APP}:", f"{APP}:wrapped_") for word in SERVERS[server]]
    with remote(words, database.parent / f"{server}.log", {"DJANGO_DATABASE": str(database)}) as it:
        yield it


@pytest.fixture
def user(node: Remote) -> User:
    raised(node)
    return User(node)


def raised(node: Remote) -> list[str]:
    """What the app and Django have seen raised since the last time."""
    told: list[str] = node.http.post("/seen").json()
    return told


def paths(a: str = "") -> dict[str, str]:
    """What `limpet contract` is told of the app; `a`: of its asynchronous views, where there are some."""
    reads = {"read": f"/{a}show", "write": f"/{a}put?a=1", "large": "/large", "slow": "/later"}
    return {**reads, "end": f"/{a}logout", "renew": f"/{a}login?user=ann"}


def test_it_keeps_the_contract(node: Remote) -> None:
    assert node.wrong(**paths()) == []


@pytest.mark.parametrize("a", ["", "a"])
def test_a_session_is_kept_from_request_to_request(user: User, a: str) -> None:
    first = user.ask(f"/{a}put?a=1", "GET")
    assert (first.headers["limpet-version"], "limpet-state" in first.headers) == ("2", True)
    assert user.ask(f"/{a}put?b=2", "GET").json() == {"a": "1", "b": "2"}
    again = user.ask(f"/{a}put?b=2", "GET")
    assert (again.headers["limpet-version"], "limpet-state" in again.headers) == ("3", False)
    assert user.ask(f"/{a}show", "GET").json()["data"] == {"a": "1", "b": "2"}


def test_the_key_is_limpets_id_and_the_cookie_says_nothing(user: User) -> None:
    new = user.ask("/show", "GET").json()
    assert (new["key"], new["empty"]) == (None, True)
    answer = user.ask("/put?a=1")
    assert answer.cookies["sessionid"] == user.id
    old = user.ask("/show", "GET", headers={"Cookie": "sessionid=somebodyelses1234567890"}).json()
    assert (old["key"], old["empty"], old["data"]) == (user.id, False, {"a": "1"})
    stranger = User(user.remote)
    theirs = stranger.ask("/show", "GET", headers={"Cookie": f"sessionid={user.id}"})
    assert theirs.json()["data"] == {}
    assert 'sessionid=""' in theirs.headers["set-cookie"]


def test_the_state_is_as_djangos_serializer_writes_it(user: User) -> None:
    user.ask("/put?a=%C3%A9")
    assert user.remote.call("GET", f"/{user.id}").content == rb'{"a":"\u00e9"}'


def test_the_app_runs_without_the_proxy_and_keeps_nothing(node: Remote) -> None:
    for headers in ({}, {"Limpet-Key": "guessed", "Limpet-Session": "x"}):
        answer = httpx.post(f"{node.url}/put?a=1", headers=headers, trust_env=False, timeout=60)
        assert answer.json() == {"a": "1"}
        assert not [name for name in answer.headers if name.startswith("limpet-")]


def test_the_app_sees_no_header_of_ours_and_sends_none_of_its_own(user: User) -> None:
    answer = user.ask("/names", "GET", Takeover=TAKEOVER)
    assert answer.json() == []
    assert "limpet-end" not in answer.headers
    assert answer.headers.get_list("limpet-version") == [str(TAKEOVER)]


@pytest.mark.parametrize(
    ("fields", "status", "need"), [({"Version": 7}, 409, "state"), ({"Takeover": "x"}, 400, None)]
)
def test_a_refused_request_does_not_reach_the_app(
    user: User, fields: dict[str, object], status: int, need: str | None
) -> None:
    answer = user.ask("/fail", "GET", **fields)
    assert (answer.status_code, answer.headers.get("limpet-need")) == (status, need)
    assert answer.headers["limpet-version"] == "0"
    assert raised(user.remote) == []


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/nowhere", 404, {}),
        ("/teapot", 418, {}),
        ("/broken", 500, {}),
        ("/gone", 404, {"kept": 1}),
        ("/put?a=1&status=409", 409, {"a": "1", "status": "409"}),
        ("/put?a=1&status=500", 500, {}),
        ("/fail", 500, {}),
    ],
)
def test_every_answer_takes_part_and_only_a_servers_error_saves_nothing(
    user: User, path: str, status: int, kept: dict[str, object]
) -> None:
    answer = user.ask(path, "GET")
    assert answer.status_code == status
    assert answer.headers["limpet-version"] == ("2" if kept else "1")
    assert user.held()[1] == kept


def test_so_does_what_django_refuses_before_any_view(user: User) -> None:
    answer = user.ask("/show", "GET", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers["limpet-version"]) == (400, "1")
    answer = user.ask("/guarded")
    assert (answer.status_code, answer.headers["limpet-version"]) == (403, "1")


@pytest.mark.parametrize(("path", "error"), [("/grow", "SessionTooLarge"), ("/odd", "TypeError")])
def test_what_cannot_be_saved_is_djangos_own_error_before_anything_changed(
    user: User, path: str, error: str
) -> None:
    user.ask("/put?a=1")
    answer = user.ask(path, "GET")
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "2")
    assert user.held() == (2, {"a": "1"})
    assert raised(user.remote) == [error]


@pytest.mark.parametrize("a", ["", "a"])
def test_nothing_is_written_after_the_head_of_a_stream(user: User, a: str) -> None:
    answer = user.ask(f"/{a}stream", "GET")
    assert (answer.text, answer.headers["limpet-version"]) == ("whole", "2")
    assert user.held() == (2, {"before": 1})
    assert raised(user.remote) == ["SessionClosed"]


@pytest.mark.parametrize("a", ["", "a"])
def test_parallel_requests_keep_each_others_keys(user: User, a: str) -> None:
    user.ask("/put?a=1")
    answers = user.together(f"/{a}meet?b=2", f"/{a}meet?c=3")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert user.held()[1] == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize("a", ["", "a"])
def test_djangos_login_goes_on_under_a_new_id_and_its_logout_ends_it(user: User, a: str) -> None:
    user.ask("/put?cart=tea")
    before = user.id
    answer = user.ask(f"/{a}login?user=ann", "GET")
    assert answer.headers["limpet-renew"] == answer.json()["key"] == answer.cookies["sessionid"] != before
    assert user.ended(before)
    shown = user.ask(f"/{a}show", "GET").json()
    assert (shown["user"], shown["data"]["cart"]) == ("ann", "tea")
    answer = user.ask(f"/{a}logout", "GET", headers={"Cookie": f"sessionid={user.id}"})
    assert (answer.status_code, answer.headers["limpet-end"]) == (302, "1")
    assert 'sessionid=""' in answer.headers["set-cookie"]
    assert user.ended()
    assert user.ask("/show", "GET").headers["limpet-need"] == "id"


@pytest.mark.parametrize("a", ["", "a"])
def test_somebody_elses_login_leaves_nothing_of_the_session(user: User, a: str) -> None:
    user.ask(f"/{a}login?user=ann", "GET")
    user.ask("/put?cart=hers")
    hers = user.id
    user.ask(f"/{a}login?user=bob", "GET")
    assert user.ended(hers)
    shown = user.ask(f"/{a}show", "GET").json()
    assert (shown["user"], "cart" in shown["data"]) == ("bob", False)


def test_a_message_after_the_logout_is_in_a_new_session(user: User) -> None:
    user.ask("/login?user=ann", "GET")
    hers = user.id
    answer = user.ask("/farewell", "GET")
    assert answer.headers["limpet-renew"] == user.id and user.ended(hers)
    assert user.ask("/told", "GET").json() == ["goodbye"]
    assert user.ask("/told", "GET").json() == []


def test_a_csrf_token_may_be_in_the_session(user: User) -> None:
    token = user.ask("/token", "GET").text
    assert "_csrftoken" in user.held()[1]
    assert user.ask("/guarded", data={"csrfmiddlewaretoken": token}).text == "passed"
    assert user.ask("/guarded", data={"csrfmiddlewaretoken": token[::-1]}).status_code == 403


def test_the_endpoint_is_only_for_who_knows_the_key(user: User) -> None:
    for path in ("", "/", f"/{user.id}", "/anything"):
        assert user.remote.call("GET", path, Key="guessed").status_code == 403
    assert user.remote.http.get("/.limpet/sessionsx").status_code == 404


def test_a_session_moves_here_with_what_is_in_it(user: User) -> None:
    assert user.remote.call("PUT", f"/{user.id}", b'{"a":"1"}', Version=5, TTL=60).status_code == 204
    user.version = 5
    assert user.ask("/put?b=2", Takeover=TAKEOVER).json() == {"a": "1", "b": "2"}
    assert user.held() == (TAKEOVER + 1, {"a": "1", "b": "2"})


@pytest.mark.parametrize("server", SERVERS)
def test_several_processes_are_one_node(server: str, database: Path, tmp_path: Path) -> None:
    command = [*SERVERS[server], "--workers=2"]
    env = {"DJANGO_DATABASE": str(database), "TMPDIR": str(tmp_path)}
    with remote(command, tmp_path / "log", env, endpoint=True) as node:
        assert node.wrong(**paths("a" if server == "asgi" else "")) == []
        user = User(node)
        for number in range(10):
            assert len(user.ask(f"/put?key{number}=1").json()) == number + 1


def test_what_is_outside_of_django_may_have_a_shell_outside_of_itself(wrapped: Remote) -> None:
    assert wrapped.wrong(**{**paths(), "read": "/front"}) == []
    user = User(wrapped)
    user.ask("/put?a=1")
    assert user.ask("/show", "GET").json()["key"] == user.id


def test_sockets_of_channels_have_the_session_and_its_user(database: Path) -> None:
    pytest.importorskip("channels")
    words = ("-m", "uvicorn", "--ws=websockets-sansio", "--log-level=warning", "--port={port}", CHANNELS)
    with remote(words, database.parent / "channels.log", {"DJANGO_DATABASE": str(database)}) as node:
        user = User(node)
        assert user.ask("/login?user=ann", "GET").status_code == 200
        with socket_of(user, "/talk") as socket:
            assert socket.response is not None
            user.version = int(socket.response.headers["limpet-version"])
            socket.send("late")
            told = json.loads(socket.recv(timeout=60))
        assert told == {"sockets": 1, "user": "ann", "raised": "SessionClosed", "key": user.id}
        version, data = user.held()
        assert (version, data["sockets"], "late" in data) == (user.version, 1, False)
        assert user.ask("/show", "GET").json()["data"]["sockets"] == 1
        with socket_of(user, "/leave") as socket:
            assert socket.response is not None and socket.response.headers["limpet-end"] == "1"
        assert user.ended()


def socket_of(user: User, path: str) -> ClientConnection:
    told = {"Key": KEY, "Session": user.id, "Version": user.version, "TTL": TTL}
    fields = {f"Limpet-{name}": str(value) for name, value in told.items()}
    return connect(user.remote.url.replace("http", "ws") + path, additional_headers=fields, proxy=None)
