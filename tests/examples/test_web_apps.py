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


def lost(scene: Scene) -> float:
    """How many sessions Limpet has counted as lost so far."""
    return scene.limpet.metric("limpet_sessions_lost_total", service=scene.service)


def test_everybody_keeps_their_node_and_their_session(scene: Scene) -> None:
    lost_before = lost(scene)
    expected = [
        seen._replace(count=seen.count + 1, user=user.name)
        for seen, user in zip(together(scene.users, "look"), scene.users, strict=True)
    ]
    assert together(scene.users, "login") == expected
    for _ in range(2):
        expected = [seen._replace(count=seen.count + 1) for seen in expected]
        assert together(scene.users, "visit") == expected
    assert lost(scene) == lost_before


def test_a_logout_reaches_the_users_own_node(scene: Scene) -> None:
    user = scene.users[-1]
    user.login()
    seen = user.logout()
    assert (seen.count, seen.user) == (0, None)
    again = user.login()
    assert again.user == user.name
    assert user.visit() == again._replace(count=again.count + 1)


def test_a_crash_is_felt_by_the_users_of_that_node_and_its_return_by_nobody(scene: Scene) -> None:
    victim = scene.users[0].look().node
    crash(scene, victim)
    labels = {"service": scene.service, "node": victim}
    until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 0, f"{victim} is seen as down")

    before = together(scene.users, "visit")
    scene.app.start(victim)
    scene.app.serves(victim)
    until(lambda: scene.limpet.metric("limpet_node_up", **labels) == 1, f"{victim} is seen as up")
    assert together(scene.users, "visit") == [seen._replace(count=seen.count + 1) for seen in before]


def crash(scene: Scene, victim: str) -> None:
    """Kills a node: its users begin anew elsewhere and are counted, nobody else notices."""
    before, lost_before = together(scene.users, "visit"), lost(scene)
    scene.app.nodes[victim].kill()
    after = together(scene.users, "look")

    hit = [user for user, seen in zip(scene.users, before, strict=True) if seen.node == victim]
    assert 0 < len(hit) < len(scene.users)
    for user, old, new in zip(scene.users, before, after, strict=True):
        if user in hit:
            assert new.node != victim
            assert (new.count, new.user) == (0, None)
        else:
            assert new == old
    assert lost(scene) == lost_before + len(hit)
    places = together(hit, "visit")
    assert together(hit, "visit") == [place._replace(count=2) for place in places]
