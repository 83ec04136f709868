"""A node of several processes: one session in all of them, whichever of them dies."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.examples.running import Running, until
from tests.sdk.nodes import TAKEOVER
from tests.sdk.remote import PATIENCE, Remote, User, remote
from tests.sdk.test_flask import CONTRACT

# Workers that do one thing at a time: a request that comes meanwhile is another process's.
GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "tests.sdk.flask_app:app")
SYNC = (*GUNICORN, "-w", "3")
FENCE_SECONDS = 3.0


def workers(process: Running) -> set[int]:
    """The processes that a server has forked."""
    master = process.pid
    return set(map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split()))


class Held:
    """A request of a user that is under way until `release`; the app then writes `late`."""

    def __init__(self, user: User, folder: Path) -> None:
        self._until = folder / f"{user.id}.until"
        begun = folder / f"{user.id}.begun"
        version = user.version
        path = f"/hold?late=1&begun={begun}&until={self._until}"
        self.answers: list[httpx.Response | Exception] = []
        self._thread = threading.Thread(target=lambda: self._ask(user, path, version))
        self._thread.start()
        until(begun.exists, "the request is with the app")

    def _ask(self, user: User, path: str, version: int) -> None:
        try:
            self.answers.append(user.ask(path, Version=version))
        except httpx.HTTPError as error:
            self.answers.append(error)

    def release(self) -> httpx.Response:
        self._until.touch()
        answer = self.join()
        assert isinstance(answer, httpx.Response), answer
        return answer

    def join(self) -> httpx.Response | Exception:
        self._thread.join(PATIENCE)
        return self.answers[0]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("processes")
    with remote(
        SYNC, folder / "log", {"TMPDIR": str(folder), "FENCE_SECONDS": str(FENCE_SECONDS)}, endpoint=True
    ) as node:
        yield node


@pytest.fixture
def user(node: Remote) -> User:
    user = User(node)
    user.ask("/put?a=1")
    return user


def test_two_processes_write_one_session_and_lose_no_key(user: User, tmp_path: Path) -> None:
    held = Held(user, tmp_path)
    other = user.ask("/put?b=2")
    answer = held.release()
    assert answer.json()["pid"] != other.json()["pid"]
    assert user.held() == (4, {"a": "1", "b": "2", "late": "1"})


def test_a_fence_waits_for_requests_in_other_processes(user: User, node: Remote, tmp_path: Path) -> None:
    held = Held(user, tmp_path)
    fences: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: fences.append(node.call("POST", f"/{user.id}/fence", Fence=TAKEOVER))
    )
    thread.start()
    # As soon as it waits nobody is let in, in no process.
    until(lambda: user.ask("/show").status_code == 409, "the session is held shut")
    assert held.release().headers["limpet-version"] == "3"
    thread.join(PATIENCE)
    assert (fences[0].status_code, fences[0].json()) == (200, {"a": "1", "late": "1"})


def test_but_not_for_ever_and_then_its_write_is_discarded(user: User, node: Remote, tmp_path: Path) -> None:
    held = Held(user, tmp_path)
    assert node.call("POST", f"/{user.id}/fence", Fence=TAKEOVER).json() == {"a": "1"}
    answer = held.release()
    assert (answer.status_code, answer.headers["limpet-need"]) == (503, "state")
    assert user.held() == (2, {"a": "1"})


def test_nobody_waits_for_a_process_that_was_killed(user: User, node: Remote, tmp_path: Path) -> None:
    before = workers(node.process)
    held = Held(user, tmp_path)
    for pid in before:  # whichever has it
        os.kill(pid, signal.SIGKILL)
    assert isinstance(held.join(), httpx.HTTPError)
    until(lambda: len(workers(node.process) - before) == 3, "there are new workers")
    until(lambda: _fenced(node, user) is not None, "the endpoint is served again")
    assert user.held() == (2, {"a": "1"})


def _fenced(node: Remote, user: User) -> float | None:
    """The seconds that a fence took, where it was answered."""
    node.http.get("/healthz")  # workers serve the endpoint once they have served anything
    try:
        answer = node.call("POST", f"/{user.id}/fence", Fence=TAKEOVER)
    except httpx.TransportError:
        return None
    assert answer.status_code in (200, 409), answer
    assert answer.elapsed.total_seconds() < FENCE_SECONDS, "it waited for a request that is not any more"
    return answer.elapsed.total_seconds()


def test_another_process_serves_the_endpoint_at_once(user: User, node: Remote, tmp_path: Path) -> None:
    # All workers have to have been asked something.
    users = [User(node) for _ in range(3)]
    for other in users:
        other.ask("/put?a=1")
    held = [Held(other, tmp_path) for other in users]
    asked = {one.release().json()["pid"] for one in held}
    assert asked == workers(node.process)
    for pid in list(asked)[:-1]:
        os.kill(pid, signal.SIGKILL)
        until(lambda: _held(user), "another process has taken over", seconds=2)


def _held(user: User) -> bool:
    try:
        return user.held() == (2, {"a": "1"})
    except httpx.TransportError:
        return False


def test_a_node_that_starts_again_still_has_its_sessions(tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path), "LIMPET_ENDPOINT": "unix:" + str(tmp_path / "e.sock")}
    with remote(SYNC, tmp_path / "log", env) as node:
        user = User(node)
        user.ask("/put?a=1")
        node.process.kill()
    with remote(SYNC, tmp_path / "log", env) as node:
        user.remote = node
        assert user.ask("/put?b=2").json()["b"] == "2"
        assert user.held() == (3, {"a": "1", "b": "2"})


def test_several_processes_without_a_file_are_refused_loudly(tmp_path: Path) -> None:
    with remote(SYNC, tmp_path / "log") as node:
        user = User(node)
        answer = user.ask("/put?a=1")
        assert (answer.status_code, answer.headers["limpet-version"]) == (500, "0")
        assert "file= or endpoint=" in answer.text
        assert "file= or endpoint=" in (tmp_path / "log").read_text()
        assert node.http.get("/show").status_code == 200  # who does not come from the proxy has no session


def test_it_is_the_same_where_the_app_is_loaded_before_the_fork(tmp_path: Path) -> None:
    command = (*SYNC, "--preload")
    with remote(command, tmp_path / "log", {"TMPDIR": str(tmp_path)}, endpoint=True) as node:
        assert node.wrong(**CONTRACT) == []


ASGI = (
    "-m",
    "uvicorn",
    "--port",
    "{port}",
    "--workers",
    "2",
    "--lifespan",
    "off",
    "tests.sdk.workers_app:app",
)


@pytest.mark.parametrize("endpoint", [False, True])
def test_uvicorn_with_workers_and_a_file_or_an_endpoint(tmp_path: Path, endpoint: bool) -> None:
    env = {"TMPDIR": str(tmp_path)} if endpoint else {"SESSIONS": str(tmp_path / "sessions.db")}
    with remote(ASGI, tmp_path / "log", env, endpoint=endpoint) as node:
        assert node.wrong(**{**CONTRACT, "renew": "/renew"}) == []
        user = User(node)
        user.ask("/put?a=1")
        seen = {(answer.json()["pid"], answer.json()["a"]) for answer in user.together(*["/put?b=1"] * 30)}
        assert {value for _, value in seen} == {"1"}


def test_uvicorn_with_workers_and_no_file_is_refused_by_all_but_one(tmp_path: Path) -> None:
    with remote(ASGI, tmp_path / "log") as node:
        said = set()

        def refused() -> bool:
            said.update(User(node).ask("/show").status_code for _ in range(10))
            return said == {200, 500}

        until(refused, "both processes have been asked")
