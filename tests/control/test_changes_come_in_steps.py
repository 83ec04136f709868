"""What runs changes in steps: each is small, none shows half a service, and what may fail comes first."""

import asyncio
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from config.settings import Settings
from control import drafts
from control.placing import place_nodes
from control.reload import Reloader
from control.runtime import Runtime
from control.turns import Steps, at_once, in_turns
from proxy.service import Service
from tests.control.settings import SECRET, change, runtime, service

POINTS = {"balance": {"points": 10}, "health": {"path": "/health"}}


def services(count: int, nodes: int) -> dict[str, Any]:
    listed = [{"name": f"n{i}", "url": f"http://127.0.0.1:{10_000 + i}"} for i in range(nodes)]
    return {f"s{one}": {"nodes": listed, **POINTS} for one in range(count)}


def settings(named: dict[str, Any], **options: Any) -> Settings:
    routes = [{"path": f"/{name}", "service": name} for name in named]
    return Settings.model_validate({"services": named, "routes": routes, **options})


def calls_of_steps(steps: Steps[object]) -> list[int]:
    """How many functions each step called."""
    counts = [0]

    def count(frame: FrameType, event: str, arg: object) -> None:
        counts[-1] += event == "call"

    def counted(step: Callable[[], object]) -> bool:
        counts.append(0)
        sys.setprofile(count)
        try:
            step()
        except StopIteration:
            return False
        finally:
            sys.setprofile(None)
        return True

    while counted(lambda: next(steps)):
        pass
    return counts


@pytest.mark.parametrize(("count", "nodes", "most"), [(200, 5, 1500), (1, 1000, 15_000)])
def test_no_step_of_a_large_change_is_long(count: int, nodes: int, most: int) -> None:
    named = services(count, nodes)
    it = runtime(named)
    first = named["s0"]
    more = {"name": "more", "url": "http://127.0.0.1:9999"}
    after = settings({**named, "s0": {**first, "nodes": [*first["nodes"], more]}}, limits={"body": 1000})
    placed = {"s0": place_nodes(after.services["s0"])}
    drawing = calls_of_steps(it.drawn(after, [SECRET]))
    blueprint = at_once(it.drawn(after, [SECRET], placed))
    changing = calls_of_steps(it.changes(blueprint))
    assert it.settings is after
    assert max(drawing + changing) < most, sorted(drawing + changing)[-5:]


def seen(it: Runtime) -> dict[str, object]:
    """What the byte path goes by."""
    engine = it.engine
    parts = {name: (each, each.router.view, tuple(each.nodes)) for name, each in engine.services.items()}
    return {"routes": engine.routes, "limits": engine.limits, "services": parts, "settings": it.settings}


def test_one_that_fails_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    it = runtime({"shop": service("ab"), "blog": service("ab")})
    before, made = seen(it), drafts.targets_of

    def targets_of(name: str, *others: Any) -> Any:
        if name == "wiki":
            raise ValueError("it breaks")
        return made(name, *others)

    monkeypatch.setattr(drafts, "targets_of", targets_of)
    with pytest.raises(ValueError, match="it breaks"):
        change(it, settings({"shop": service("abc"), "wiki": service("a")}, limits={"body": 1000}))
    assert seen(it) == before


def test_routes_change_last_and_no_step_shows_half_a_service() -> None:
    it = runtime({"shop": service("ab"), "blog": service("ab")})
    after = settings({"shop": service("bcd"), "wiki": service("a")})
    routes, leads = it.engine.routes, list[Service | None]()
    for _ in it.changes(at_once(it.drawn(after, [SECRET]))):
        for each in it.engine.services.values():
            assert len(each.nodes) == len(each.inflight) == len(each.router.view.nodes)
            assert [node.name for node in each.nodes] == [node.name for node in each.router.view.nodes]
        assert it.settings.services.keys() <= it.engine.services.keys()
        assert (it.engine.routes is routes) == (it.settings is not after)
        route = it.engine.routes.find(b"", b"/wiki")
        leads.append(route.service if route is not None else None)
    assert it.engine.services.keys() == {"shop", "wiki"}
    assert set(leads[-1:]) == {it.engine.services["wiki"]}


async def test_others_have_their_turn_between_steps() -> None:
    turns: list[str] = []

    def steps() -> Steps[str]:
        for number in range(4):
            turns.append(f"step {number}")
            yield
        return "done"

    async def other() -> None:
        while len(turns) < 8:
            turns.append("other")
            await asyncio.sleep(0)

    clock = iter(range(100))
    beside = asyncio.create_task(other())
    assert await in_turns(steps(), now=lambda: float(next(clock))) == "done"
    beside.cancel()
    assert turns == ["step 0", "other", "step 1", "other", "step 2", "other", "step 3", "other"]


async def test_nodes_that_leave_wait_for_a_reload_that_is_under_way() -> None:
    it = runtime({"shop": service("abc")})
    change(it, settings({"shop": service("ab")}))
    entered, go_on, followed = asyncio.Event(), asyncio.Event(), list[int]()

    async def read() -> Any:
        entered.set()
        await go_on.wait()
        raise OSError("it is gone")

    async def follow() -> None:
        assert it.blueprint is not None
        followed.append(len(it.blueprint.slots["shop"]))

    nothing: Any = None
    loading: Any = type("Loading", (), {"note": lambda *_: None})()
    reloader = Reloader(loading, read, it, nothing, nothing, nothing, nothing, follow, nothing)
    reloading = asyncio.create_task(reloader.reload("test"))
    await entered.wait()
    letting = asyncio.create_task(reloader.let_go())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not letting.done()
    assert not followed
    go_on.set()
    await reloading
    await letting
    assert followed == [3]


def test_services_are_in_the_order_of_the_file() -> None:
    """They are shown in it."""
    names = [f"s{(7 * one) % 10}" for one in range(10)]
    running = runtime({name: service("a") for name in names})
    assert [*running.engine.services] == [*running.cluster.watches] == names
