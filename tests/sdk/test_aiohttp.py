"""The aiohttp_session storage in a real aiohttp server."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.examples.running import until
from tests.sdk.aiohttp_app import FENCE_SECONDS
from tests.sdk.nodes import KEY, TAKEOVER, TTL
from tests.sdk.remote import PATIENCE, Remote, User, remote


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    log = tmp_path_factory.mktemp("aiohttp") / "log"
    with remote(["-m", "tests.sdk.aiohttp_app", "{port}"], log) as it:
        yield it


@pytest.fixture
def user(node: Remote) -> User:
    raised(node)
    fences_wait(node, FENCE_SECONDS)
    return User(node)


def fences_wait(node: Remote, seconds: float) -> None:
    """For requests under way, from now on. FOREVER: whoever asks has given up by then."""
    node.http.post(f"/patience?seconds={seconds}").raise_for_status()


def raised(node: Remote) -> list[str]:
    """What the app and the server have seen raised since the last time."""
    told: list[str] = node.http.post("/seen").json()
    return told


def written(user: User) -> dict[str, object]:
    """What the app has written, without what the shell has added."""
    return {key: value for key, value in user.held()[1].items() if key != "_created"}


PATHS = {
    "read": "/show",
    "write": "/put?a=1",
    "large": "/large",
    "slow": "/later",
    "end": "/logout",
    "renew": "/login?user=ann",
}
FOREVER = 10 * PATIENCE
GUNICORN = ("-m", "gunicorn", "-w", "2", "--no-control-socket", "-b", "127.0.0.1:{port}")
WORKERS = (*GUNICORN, "-k", "aiohttp.GunicornWebWorker", "tests.sdk.aiohttp_app:make_app()")


def test_it_keeps_the_contract(node: Remote) -> None:
    assert node.wrong(**PATHS) == []


def test_so_do_several_processes_of_it(tmp_path: Path) -> None:
    with remote(WORKERS, tmp_path / "log", {"TMPDIR": str(tmp_path)}, endpoint=True) as node:
        assert node.wrong(**PATHS) == []
        user = User(node)
        for number in range(10):
            assert len(user.ask(f"/put?key{number}=1").json()) == number + 1


def test_a_session_is_kept_from_request_to_request(user: User) -> None:
    first = user.ask("/put?a=1")
    assert (first.headers["limpet-version"], "limpet-state" in first.headers) == ("2", True)
    assert user.ask("/put?b=2").json() == {"a": "1", "b": "2"}
    again = user.ask("/put?b=2")
    assert (again.headers["limpet-version"], "limpet-state" in again.headers) == ("3", False)
    assert "set-cookie" not in first.headers


def test_a_session_says_what_it_is(user: User) -> None:
    began = time.time()
    new = user.ask("/show").json()
    assert (new["new"], new["empty"], new["identity"], new["length"]) == (True, True, user.id, 0)
    user.ask("/put?a=1")
    old = user.ask("/show").json()
    assert (old["new"], old["empty"], old["data"], old["length"]) == (False, False, {"a": "1"}, 1)
    assert began - 1 <= old["created"] <= time.time()
    assert user.held()[1]["_created"] == old["created"]


def test_it_was_created_once_wherever_that_was(user: User) -> None:
    user.remote.call("PUT", f"/{user.id}", b'{"_created":1000,"a":"1"}', Version=5, TTL=60)
    user.version = 5
    assert user.ask("/show", Takeover=TAKEOVER).json()["created"] == 1000
    assert user.ask("/again?a=2").json() == 1000
    assert user.held()[1] == {"_created": 1000, "a": "2"}
    assert user.ask("/login?user=ann").json()["created"] > 1000


def test_the_app_runs_without_the_proxy_and_keeps_nothing(node: Remote) -> None:
    for headers in ({}, {"Limpet-Key": "guessed", "Limpet-Session": "x"}):
        answer = httpx.post(f"{node.url}/put?a=1", headers=headers, trust_env=False, timeout=60)
        assert answer.json() == {"a": "1"}
        assert not [name for name in answer.headers if name.startswith("limpet-")]


def test_the_app_sees_no_header_of_ours_and_sends_none_of_its_own(user: User) -> None:
    odd = {"X-Odd": "caf\xe9".encode("latin-1"), "Limpet_State": "forged"}
    answer = user.ask("/names", headers=odd, Takeover=TAKEOVER)  # type: ignore[arg-type]
    assert answer.json() == {"seen": [], "odd": "636166e9"}
    assert "limpet-end" not in answer.headers
    assert answer.headers.get_list("limpet-version") == [str(TAKEOVER)]


@pytest.mark.parametrize(
    ("fields", "status", "need"), [({"Version": 7}, 409, "state"), ({"Takeover": "x"}, 400, None)]
)
def test_a_refused_request_does_not_reach_the_app(
    user: User, fields: dict[str, object], status: int, need: str | None
) -> None:
    answer = user.ask("/fail", **fields)
    assert (answer.status_code, answer.headers.get("limpet-need")) == (status, need)
    assert answer.headers["limpet-version"] == "0"
    assert raised(user.remote) == []


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/nowhere", 404, {}),
        ("/teapot", 418, {}),
        ("/gone", 410, {"kept": "1"}),
        ("/put?a=1&status=409", 409, {"a": "1", "status": "409"}),
        ("/put?a=1&status=500", 500, {}),
        ("/fail", 500, {}),
        ("/slow", 504, {}),
    ],
)
def test_every_answer_takes_part_and_only_a_servers_error_saves_nothing(
    user: User, path: str, status: int, kept: dict[str, object]
) -> None:
    answer = user.ask(path)
    assert answer.status_code == status
    assert answer.headers["limpet-version"] == ("2" if kept else "1")
    assert written(user) == kept


@pytest.mark.parametrize("how", ["", "?raise", "?stream", "?socket"])
def test_a_state_above_the_limit_raises_in_the_app_before_anything_changed(user: User, how: str) -> None:
    user.ask("/put?a=1")
    headers = {"Accept-Encoding": "gzip"}
    if how == "?socket":
        headers |= {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        }
    answer = user.ask(f"/grow{how}", method="GET", headers=headers)
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "2")
    assert answer.text.startswith("500 Internal Server Error")
    assert written(user) == {"a": "1"}
    assert raised(user.remote) == ["SessionTooLarge"]
    assert user.ask("/put?b=1").json() == {"a": "1", "b": "1"}


def test_what_cannot_be_written_down_raises_where_the_apps_own_middleware_sees_it(user: User) -> None:
    answer = user.ask("/odd")
    assert (answer.status_code, answer.text, answer.headers["limpet-version"]) == (500, "TypeError", "1")


def test_nothing_is_written_after_the_head_of_a_stream(user: User) -> None:
    answer = user.ask("/stream")
    assert (answer.text, answer.headers["limpet-version"]) == ("whole", "2")
    assert written(user) == {"cart": []}
    assert raised(user.remote) == ["SessionClosed", "SessionClosed"]


def test_parallel_requests_keep_each_others_keys(user: User) -> None:
    user.ask("/put?a=1")
    answers = user.together("/meet?b=2", "/meet?c=3")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert written(user) == {"a": "1", "b": "2", "c": "3"}


def test_a_login_goes_on_under_a_new_id_and_nothing_of_the_old_session(user: User) -> None:
    user.ask("/put?cart=tea&gone=1")
    old = user.id
    answer = user.ask("/login?user=ann")
    assert answer.headers["limpet-renew"] == user.id == answer.json()["identity"] != old
    assert written(user) == {"user": "ann", "cart": "tea"}
    assert user.ended(old)


@pytest.mark.parametrize("path", ["/logout", "/clear"])
def test_a_logout_ends_the_session(user: User, path: str) -> None:
    user.ask("/put?a=1")
    assert user.ask(path).headers["limpet-end"] == "1"
    assert user.ended()
    assert user.ask("/show").headers["limpet-need"] == "id"


def held(user: User) -> None:
    until(lambda: "holding" in raised(user.remote), "the app holds the request")


class Held:
    """A request to `/hold` that is under way."""

    def __init__(self, user: User, query: str) -> None:
        user.ask("/put?a=1")
        self.answer: httpx.Response | None = None
        self._user = user
        self._thread = threading.Thread(target=self._run, args=(query,))
        self._thread.start()
        held(user)

    def _run(self, query: str) -> None:
        self.answer = self._user.ask(f"/hold{query}")

    def end(self) -> httpx.Response:
        self._user.remote.http.post("/release")
        self._thread.join(PATIENCE)
        assert self.answer is not None
        return self.answer


@pytest.mark.parametrize("query", ["", "?raise", "?stream"])
def test_a_write_in_a_session_that_has_moved_away_is_discarded_and_said(user: User, query: str) -> None:
    fences_wait(user.remote, 0.05)
    held = Held(user, query)
    assert user.remote.call("POST", f"/{user.id}/fence", Fence=TAKEOVER).status_code == 200
    answer = held.end()
    told = (answer.status_code, answer.headers["limpet-need"], answer.headers["limpet-version"])
    assert told == (503, "state", "2")
    assert query != "?stream" or answer.text == "503: Service Unavailable"
    assert written(user) == {"a": "1"}


def test_a_fence_lets_a_request_under_way_save_first(user: User) -> None:
    fences_wait(user.remote, FOREVER)
    held = Held(user, "")
    fencing = threading.Thread(
        target=user.remote.call, args=("POST", f"/{user.id}/fence"), kwargs={"Fence": 9}
    )
    fencing.start()
    until(lambda: refused(user), "the fence waits")
    assert held.end().text == "saved"
    fencing.join(PATIENCE)
    assert written(user) == {"a": "1", "late": "1"}


def test_a_fence_does_not_wait_for_the_rest_of_a_stream(user: User) -> None:
    fences_wait(user.remote, FOREVER)
    stream = Held(user, "?begun")
    assert user.remote.call("POST", f"/{user.id}/fence", Fence=9).status_code == 200
    assert stream.end().status_code == 200


def test_nor_for_a_request_whose_client_has_gone(user: User) -> None:
    user.ask("/put?a=1")
    with socket.create_connection(("127.0.0.1", httpx.URL(user.remote.url).port or 0)) as client:
        told = {"Host": "app", "Limpet-Key": KEY, "Limpet-Session": user.id, "Limpet-Version": "2"}
        fields = "".join(f"{name}: {value}\r\n" for name, value in {**told, "Limpet-TTL": "60"}.items())
        client.sendall(f"GET /hold HTTP/1.1\r\n{fields}\r\n".encode())
        held(user)
    until(lambda: "CancelledError" in raised(user.remote), "the app notices")
    fences_wait(user.remote, FOREVER)
    assert user.remote.call("POST", f"/{user.id}/fence", Fence=9).status_code == 200


def refused(user: User) -> bool:
    return user.ask("/show").status_code == 409


def test_the_endpoint_is_only_for_who_knows_the_key(user: User) -> None:
    for path in ("", "/", f"/{user.id}", "/anything"):
        assert user.remote.call("GET", path, Key="guessed").status_code == 403
    assert user.remote.http.get("/.limpet/sessionsx").status_code == 404


def test_the_endpoint_refuses_what_is_too_large_and_leaves_out_what_nobody_reads(user: User) -> None:
    user.ask("/put?a=1")
    assert user.remote.call("PUT", f"/{user.id}", b"x" * 7000, Version=3, TTL=60).status_code == 413
    assert user.remote.call("POST", "/", b"\n" * 1_000_000).status_code == 413
    answer = user.remote.call("HEAD", f"/{user.id}")
    assert (answer.status_code, answer.headers["limpet-version"], answer.content) == (200, "2", b"")
    assert int(answer.headers["content-length"]) == len(json.dumps(user.held()[1], separators=(",", ":")))


def test_a_large_body_passes(user: User) -> None:
    content = b"x" * 3_000_000
    sent = {"Key": KEY, "Session": user.id, "Version": 0, "TTL": TTL}
    headers = {f"Limpet-{name}": str(value) for name, value in sent.items()}
    answer = user.remote.http.post("/upload", content=content, headers=headers)
    assert answer.json() == len(content)
    assert written(user) == {"size": len(content)}


def test_a_websocket_has_the_session_until_it_is_accepted(user: User) -> None:
    user.ask("/put?a=1")
    sent = {"Key": KEY, "Session": user.id, "Version": 2, "TTL": TTL}
    headers = {f"Limpet-{name}": str(value) for name, value in sent.items()}
    url = user.remote.url.replace("http", "ws", 1) + "/talk"
    with connect(url, additional_headers=headers, proxy=None) as socket:
        assert socket.response is not None and socket.response.headers["Limpet-Version"] == "3"
        assert socket.recv(PATIENCE) == "closed"
    assert written(user) == {"a": "1", "talked": "1"}
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers=headers | {"Limpet-Version": "9"}, proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 409
