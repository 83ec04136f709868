"""The example web apps with the SDK: one line of theirs is another, and a crash is felt by nobody."""

from collections.abc import Iterator
from contextlib import ExitStack
from difflib import ndiff
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.examples.people import User, crowd, together
from tests.examples.running import BACKENDS, Example, Limpet, example, limpet, until
from tests.examples.test_web_apps import SERVICES

# What each app has in place of its own; the first is the import, where it takes one.
LINES = {
    "flask": [
        "from limpet_session.flask import LimpetSession",
        'LimpetSession(app, keys=[os.environ["LIMPET_NODE_KEY"]])',
    ],
    "django": ['SESSION_ENGINE="limpet_session.django",'],
    "aiohttp": [
        "from limpet_session.aiohttp import LimpetStorage",
        'setup(app, LimpetStorage(app, keys=[os.environ["LIMPET_NODE_KEY"]]))',
    ],
    "express": [
        "const session = require('limpet-session')",
        "app.use(session({ keys: [process.env.LIMPET_NODE_KEY] }))",
    ],
    "fastapi": [
        "from limpet_session import LimpetSessionMiddleware",
        'app.add_middleware(LimpetSessionMiddleware, keys=[os.environ["LIMPET_NODE_KEY"]])',
    ],
}

# Where the app's cookie was wrapped and is no more: the SDK takes the place of what made it.
AFFINITY = {
    "express": (
        ["affinity: {mode: wrap, cookie: connect.sid, idle: 30m}"],
        ["affinity: {mode: issue, set_token: when_written, idle: 30m}"],
    )
}


def changes(old: Path, new: Path) -> tuple[list[str], list[str]]:
    """The lines that are gone and those that have come, without their indents."""
    lines = list(ndiff(old.read_text().splitlines(), new.read_text().splitlines()))
    return tuple([line[2:].strip() for line in lines if line.startswith(sign)] for sign in "-+")  # type: ignore[return-value]


@pytest.mark.parametrize("name", LINES)
def test_the_app_is_the_same_but_for_one_line_and_its_import(name: str) -> None:
    folder = BACKENDS / name
    ending = "js" if name == "express" else "py"
    gone, come = changes(folder / f"app.{ending}", folder / f"app_limpet.{ending}")
    assert come == LINES[name]
    assert len(gone) == len(come)


@pytest.mark.parametrize("name", LINES)
def test_the_configuration_is_the_same_but_for_the_strategy_and_the_key(name: str) -> None:
    folder = BACKENDS / name
    gone, come = changes(folder / "proxy.yaml", folder / "proxy-replication.yaml")
    before, after = AFFINITY.get(name, ([], []))
    assert [line for line in gone if not line.startswith("#")] == before
    assert [line for line in come if not line.startswith("#")] == [
        'node_keys: ["${LIMPET_NODE_KEY}"]',
        *after,
        "sessions: {strategy: replication}",
    ]


class Scene(NamedTuple):
    app: Example
    limpet: Limpet
    service: str
    users: list[User]

    def metric(self, name: str, **labels: str) -> float:
        return self.limpet.metric(f"limpet_{name}", service=self.service, **labels)


@pytest.fixture(params=LINES, scope="module")
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    name: str = request.param
    directory = tmp_path_factory.mktemp(name)
    with ExitStack() as stack:
        app = stack.enter_context(example(name, directory, replication=True))
        proxy = stack.enter_context(limpet(app.config, directory))
        yield Scene(app, proxy, SERVICES[name], crowd(proxy.url, stack))


def test_everybody_is_still_there_when_one_node_after_the_other_has_died(scene: Scene) -> None:
    expected = [
        seen._replace(count=seen.count + 1, user=user.name)
        for seen, user in zip(together(scene.users, "look"), scene.users, strict=True)
    ]
    assert together(scene.users, "login") == expected
    for _ in range(2):
        victim = scene.users[0].look().node
        scene.app.nodes[victim].kill()
        after = together(scene.users, "visit")
        assert [(seen.count, seen.user) for seen in after] == [
            (seen.count + 1, seen.user) for seen in expected
        ]
        assert all(
            new.node == old.node for new, old in zip(after, expected, strict=True) if old.node != victim
        )
        expected = together(scene.users, "look")
        revive(scene, victim)
        assert [(seen.count, seen.user) for seen in together(scene.users, "look")] == [
            (seen.count, seen.user) for seen in expected
        ]
    assert scene.metric("session_moves_total") > 0
    assert scene.metric("sessions_lost_total") == scene.metric("sessions_stale_total") == 0


def revive(scene: Scene, node: str) -> None:
    """Starts it again, empty, and waits until every session has its copy again."""
    until(lambda: scene.metric("node_up", node=node) == 0, f"{node} is seen as down")
    scene.app.start(node)
    scene.app.serves(node)
    until(lambda: scene.metric("node_up", node=node) == 1, f"{node} is seen as up")
    until(lambda: scene.metric("sessions_unprotected") == 0, "every session has its copy")


def test_a_logout_is_one_for_whoever_kept_the_cookies(scene: Scene) -> None:
    user = scene.users[-1]
    user.login()
    kept = httpx.Cookies(user.browser.cookies)
    seen = user.logout()
    assert (seen.count, seen.user) == (0, None)
    answer = httpx.get(f"{scene.limpet.url}/session", cookies=kept, trust_env=False, timeout=60).json()
    assert (answer["count"], answer["user"]) == (0, None)
    assert user.login().user == user.name


def test_limpet_may_wrap_djangos_own_cookie(tmp_path: Path) -> None:
    with ExitStack() as stack:
        app = stack.enter_context(example("django", tmp_path, replication=True))
        config = app.config.replace("mode: issue", "mode: wrap, cookie: sessionid")
        proxy = stack.enter_context(limpet(config, tmp_path))
        users = crowd(proxy.url, stack)
        before = together(users, "login")
        assert {tuple(user.browser.cookies) for user in users} == {("sessionid",)}
        app.nodes[before[0].node].kill()
        assert [(seen.count, seen.user) for seen in together(users, "look")] == [
            (seen.count, seen.user) for seen in before
        ]
        gone = users[0].logout()
        assert (gone.count, gone.user, tuple(users[0].browser.cookies)) == (0, None, ())
