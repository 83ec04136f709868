"""What was found takes effect in the process that looks, and then in those that serve for it."""

from typing import Any, cast

from config.settings import Node, Settings
from control.discovery.discovery import Discovery
from control.discovery.lookout import Lookout
from control.discovery.source import Found, node_at
from control.reload import Loading, Reloader
from tests.control.settings import runtime


class Nowhere:
    async def look(self) -> Found:
        raise AssertionError("nobody is to look")


def node(settings: Settings, host: str) -> Node:
    discover = settings.services["shop"].discover
    assert discover is not None
    return node_at(discover, host, (host, 80))


async def test_those_who_serve_are_told_when_it_is_so() -> None:
    services = {"shop": {"discover": {"dns": "app", "port": 80}}}
    settings = Settings.model_validate({"services": services, "routes": [{"service": "shop"}]})
    running, discovery, seen = runtime(services), Discovery(), list[list[str]]()

    async def follow() -> None:
        seen.append([each.name for each in running.settings.services["shop"].nodes])

    discover = settings.services["shop"].discover
    assert discover is not None
    lookout = Lookout("shop", discover, Nowhere(), (node(settings, "a"),))
    discovery.go_by(settings, {"shop": lookout})
    nobody = cast(Any, None)  # who has no part in this
    reloader = Reloader(Loading("", 0, 0), nobody, running, nobody, nobody, nobody, nobody, follow, discovery)
    await reloader.take_nodes()
    lookout.nodes = (node(settings, "a"), node(settings, "b"))
    await reloader.take_nodes()
    assert seen == [["a"], ["a", "b"]]
    assert [each.name for each in running.engine.services["shop"].nodes] == ["a", "b"]
