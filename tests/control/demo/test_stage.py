"""What the demo starts with: ports that are free, and a configuration without a mistake."""

import asyncio
import socket
from pathlib import Path

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from config.loading import load
from control.children import Child, NotStarted, free_port
from control.demo.buttons import make_app
from control.demo.stage import NodeNow, Now, Stage
from tests.examples import running


def test_a_free_port_is_taken_as_wanted_and_a_busy_one_replaced() -> None:
    taken = running.free_port()  # nobody else takes it when it is free again
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_whoever_wants_any_port_gets_one_that_nobody_else_got() -> None:
    assert len({free_port(0) for _ in range(200)}) == 200


def test_the_written_configuration_is_without_a_mistake(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 18080, 19900)
    settings = load(stage.write_config(), {})
    assert [node.name for node in settings.services["shop"].nodes] == ["a", "b", "c"]
    assert [(route.path, route.service) for route in settings.routes] == [("/", "shop"), ("/demo", "buttons")]
    assert settings.access_log.format == "off"


async def test_the_buttons_show_the_stage_and_refuse_another_sites_page(
    aiohttp_client: AiohttpClient, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, 18080, 19900)
    stage.now = Now((NodeNow("a", 42, "up", 3, 9),), moved=2, lost=1)
    stage.events.append("something happened")
    client = await aiohttp_client(make_app(stage))
    told = await (await client.get("/demo/state")).json()
    assert told["nodes"] == [{"name": "a", "pid": 42, "state": "up", "sessions": 3, "visits": 9}]
    assert (told["moved"], told["lost"], told["events"]) == (2, 1, ["something happened"])
    assert (await client.post("/demo/z/kill")).status == 404
    elsewhere = {"Origin": "http://elsewhere.example"}
    assert (await client.post("/demo/a/kill", headers=elsewhere)).status == 403
    assert (await client.post("/demo/a/kill")).status == 204  # not started: nothing to kill


async def demo_node(directory: Path, socket_path: Path) -> Child:
    key = directory / "node.key"
    key.write_text("a-key-of-sixteen-bytes-or-more")
    return await Child.start(directory / "log", "demo-node", "a", str(socket_path), str(key))


async def test_a_process_that_does_not_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    child = await demo_node(tmp_path, tmp_path / "no" / "such" / "place")
    with pytest.raises(NotStarted, match="No such file or directory"):
        await child.serving(never)
    assert child.pid is None


async def test_a_process_ends_when_the_pipe_of_the_demo_closes(tmp_path: Path) -> None:
    child = await demo_node(tmp_path, tmp_path / "a.sock")
    child.let_go()
    await asyncio.wait_for(child.ended(), 60)
    assert child.pid is None
