"""The example web apps behind Limpet: everybody stays on their node, and a crash is felt by nobody else."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.examples.people import User, crowd, together
from tests.examples.running import Example, Limpet, example, limpet, until

SERVICES = {"flask": "shop", "fastapi": "members", "django": "club", "express": "board", "aiohttp": "chat"}


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
