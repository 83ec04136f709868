"""The example web apps behind Limpet: everybody stays on their node, and a crash is felt by nobody else."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.examples.running import Example, Limpet, example, limpet, until

SERVICES = {"flask": "shop", "fastapi": "members", "express": "board", "aiohttp": "chat"}
MOST_USERS = 60


class Seen(NamedTuple):
    """What the app knows of a user, and which node says so."""

    node: str
    count: int
    user: str | None


class User:
    """A person with a browser and an address of their own."""

    def __init__(self, number: int, url: str) -> None:
        self.name = f"user-{number}"
        # Newcomers of one address go to one node for a while: each user comes from another 127.0.x.y.
        address = f"127.0.2.{number + 1}"
        self.browser = httpx.Client(
            base_url=url,
            transport=httpx.HTTPTransport(local_address=address),
            follow_redirects=True,
            timeout=20,
        )
        self.before = self.visit()

    def visit(self) -> Seen:
        self.browser.get("/").raise_for_status()
        return self.look()

    def look(self) -> Seen:
        return Seen(**self.browser.get("/session").raise_for_status().json())

    def login(self) -> Seen:
        self.browser.post("/login", data={"user": self.name}).raise_for_status()
        return self.look()

    def logout(self) -> Seen:
        answer = self.browser.post("/logout").raise_for_status()
        return Seen(**answer.json())


def crowd(url: str, stack: ExitStack) -> list[User]:
    """As many users as it takes until each node has two of them."""
    users: list[User] = []
    while any([user.before.node for user in users].count(node) < 2 for node in "abc"):
        assert len(users) < MOST_USERS, "a node gets no new users"
        user = User(len(users), url)
        stack.callback(user.browser.close)
        users.append(user)
    return users


def together(users: Sequence[User], method: str) -> list[Seen]:
    """All users at once."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda user: getattr(user, method)(), users))


class Scene(NamedTuple):
    app: Example
    limpet: Limpet
    service: str
    users: list[User]


@pytest.fixture(params=SERVICES, scope="module")
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    name: str = request.param
    directory: Path = tmp_path_factory.mktemp(name)
    with ExitStack() as stack:
        app = stack.enter_context(example(name, directory))
        proxy = stack.enter_context(limpet(app.config, directory))
        yield Scene(app, proxy, SERVICES[name], crowd(proxy.url, stack))


def test_everybody_keeps_their_node_and_their_session(scene: Scene) -> None:
    logged_in = together(scene.users, "login")
    nodes = [user.before.node for user in scene.users]
    assert logged_in == [Seen(node, 2, user.name) for node, user in zip(nodes, scene.users, strict=True)]
    for count in (3, 4):
        seen = together(scene.users, "visit")
        assert seen == [Seen(node, count, user.name) for node, user in zip(nodes, scene.users, strict=True)]
    assert scene.limpet.metric("limpet_sessions_lost_total", service=scene.service) == 0


def test_a_logout_reaches_the_users_own_node(scene: Scene) -> None:
    user = scene.users[-1]
    user.login()
    seen = user.logout()
    assert (seen.count, seen.user) == (0, None)
    again = user.login()
    assert again.user == user.name
    assert user.visit() == again._replace(count=again.count + 1)


def test_a_crash_loses_the_sessions_of_that_node_and_no_others(scene: Scene) -> None:
    before = together(scene.users, "visit")
    victim = before[0].node
    lost_before = scene.limpet.metric("limpet_sessions_lost_total", service=scene.service)

    scene.app.nodes[victim].kill()
    after = together(scene.users, "look")

    hit = [index for index, seen in enumerate(before) if seen.node == victim]
    assert 2 <= len(hit) <= len(before) - 4
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if index in hit:
            assert new.node != victim
            assert (new.count, new.user) == (0, None)
        else:
            assert new == old
    lost = scene.limpet.metric("limpet_sessions_lost_total", service=scene.service) - lost_before
    assert lost == len(hit)
    moved = [scene.users[index] for index in hit]
    places = together(moved, "visit")
    assert together(moved, "visit") == [place._replace(count=2) for place in places]


def test_a_node_that_comes_back_moves_nobody(scene: Scene) -> None:
    down = next(node for node, process in scene.app.nodes.items() if not process.alive)
    before = together(scene.users, "visit")
    labels = {"service": scene.service, "node": down}
    until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 0, f"{down} is seen as down")

    scene.app.start(down)
    scene.app.serves(down)
    until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 1, f"{down} is seen as up")

    after = together(scene.users, "visit")
    assert after == [seen._replace(count=seen.count + 1) for seen in before]
