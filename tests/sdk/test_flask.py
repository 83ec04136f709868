"""Flask, under a gunicorn with several processes, of threads or of gevent's, and an endpoint of its own."""

from collections.abc import Iterator

import pytest

from tests.sdk.remote import GEVENT, Remote, User, remote

GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "tests.sdk.flask_app:app")
FOUR = (*GUNICORN, "-w", "4", "--threads", "4")
WORKERS = {"gthread": (FOUR, {}), "gevent": ((*GUNICORN, "-w", "2", "-k", "gevent"), GEVENT)}

CONTRACT = {
    "read": "/show",
    "write": "POST /put?a=1",
    "large": "/large",
    "end": "/end",
    "renew": "/login",
    "slow": "/slow",
}


@pytest.fixture(scope="module", params=WORKERS)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("flask")
    command, env = WORKERS[request.param]
    with remote(command, folder / "log", {"TMPDIR": str(folder), **env}, endpoint=True) as node:
        yield node


@pytest.fixture
def user(node: Remote) -> User:
    return User(node)


def test_it_keeps_the_contract(node: Remote) -> None:
    assert node.wrong(**CONTRACT) == []


def test_a_session_is_kept_from_request_to_request(user: User) -> None:
    for i in range(10):
        assert user.ask(f"/put?n{i}=1").json()["new"] == (i == 0)
    assert user.held() == (11, {f"n{i}": "1" for i in range(10)})


def test_parallel_requests_do_not_lose_each_others_keys(user: User) -> None:
    user.ask("/put?a=1")
    answers = user.together(*[f"/put?n{i}=1" for i in range(16)])
    assert {answer.status_code for answer in answers} == {200}
    assert user.held() == (18, {"a": "1"} | {f"n{i}": "1" for i in range(16)})


def test_what_is_unchanged_is_not_sent(user: User) -> None:
    assert "limpet-state" in user.ask("/put?a=1").headers
    answer = user.ask("/put?a=1")
    assert (answer.headers["limpet-version"], "limpet-state" in answer.headers) == ("2", False)
    assert "Cookie" in user.ask("/show").headers["vary"]


def test_a_write_inside_a_value_is_saved(user: User) -> None:
    assert [user.ask("/cart").json() for _ in range(3)] == [[1], [1, 1], [1, 1, 1]]


def test_a_state_above_the_limit_raises_where_the_app_can_answer_it(user: User) -> None:
    user.ask("/put?a=1")
    answer = user.ask("/huge")
    assert (answer.status_code, answer.text) == (500, "SessionTooLarge")
    assert answer.headers["limpet-version"] == "2" and user.held() == (2, {"a": "1"})


def test_a_request_that_fails_saves_nothing(user: User) -> None:
    answer = user.ask("/fail")
    assert (answer.status_code, answer.headers["limpet-version"]) == (500, "1")
    assert user.held() == (1, {})


def test_what_is_written_after_the_head_raises(user: User, node: Remote) -> None:
    with pytest.raises(Exception, match=r"closed|incomplete"):
        user.ask("/late")
    assert user.held() == (2, {"early": 1})
    assert "limpet_session.errors.SessionClosed" in node.process.log.read_text()


def test_a_login_renews_and_a_logout_ends(user: User) -> None:
    user.ask("/put?a=1")
    old = user.id
    user.ask("/login")
    assert user.id != old and user.ended(old)
    assert user.ask("/show").json() == {"a": "1", "user": "ann"}
    assert user.ask("/logout").headers["limpet-end"] == "1"
    assert user.ended()


def test_flashed_messages_are_seen_once(user: User) -> None:
    user.ask("/flash")
    assert [user.ask("/flashes").json() for _ in range(2)] == [["saved"], []]


def test_values_come_back_as_what_they_were(user: User) -> None:
    user.ask("/kinds?put=1")
    assert set(user.ask("/kinds").json().values()) == {True}


def test_without_limpet_the_app_runs_and_keeps_nothing(node: Remote) -> None:
    answer = node.http.post("/put?a=1")
    assert answer.json()["a"] == "1" and not [name for name in answer.headers if name.startswith("limpet")]
