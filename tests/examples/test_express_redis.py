"""The classic way: an app that keeps its sessions in Redis by itself works behind Limpet, unchanged."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.examples.people import User, crowd, together
from tests.examples.running import Example, Limpet, example, limpet
from tests.sessions.stores.processes import RedisProcess


class Scene(NamedTuple):
    app: Example
    redis: RedisProcess
    users: list[User]
    proxy: Limpet


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    redis = RedisProcess(tmp_path / "redis", "--save", "", "--appendonly", "no")
    try:
        with ExitStack() as stack:
            app = stack.enter_context(example("express-redis", tmp_path, env={"REDIS_URL": redis.url}))
            proxy = stack.enter_context(limpet(app.config, tmp_path))
            yield Scene(app, redis, crowd(proxy.url, stack), proxy)
    finally:
        redis.stop()


def test_everybody_stays_on_their_node_and_survives_it(scene: Scene) -> None:
    expected = [
        seen._replace(count=seen.count + 1, user=user.name)
        for seen, user in zip(together(scene.users, "look"), scene.users, strict=True)
    ]
    assert together(scene.users, "login") == expected
    for _ in range(2):
        expected = [seen._replace(count=seen.count + 1) for seen in expected]
        assert together(scene.users, "visit") == expected

    victim = expected[0].node
    scene.app.nodes[victim].kill()
    after = together(scene.users, "visit")
    assert [(seen.count, seen.user) for seen in after] == [(seen.count + 1, seen.user) for seen in expected]
    assert all(seen.node != victim for seen in after)
    assert scene.proxy.metric("limpet_sessions_lost_total") == 0  # `state: shared`
    assert all(new.node == old.node for new, old in zip(after, expected, strict=True) if old.node != victim)


def test_a_logout_is_the_end(scene: Scene) -> None:
    user = scene.users[0]
    before = scene.redis.ask("DBSIZE")
    user.login()
    seen = user.logout()
    assert (seen.count, seen.user) == (0, None)
    assert scene.redis.ask("DBSIZE") == int(str(before)) - 1
