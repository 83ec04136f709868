"""The admin port: what it answers, and what it changes."""

import os
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from control.probes import Outcome
from routing.states import Mode
from tests.control.admin import DRAIN, MakeClient, app_of, get, post
from tests.control.process import PATIENCE
from tests.control.settings import runtime, service

# Health.


async def test_ready_until_no_service_has_a_node(aiohttp_client: MakeClient) -> None:
    running = runtime({"shop": service("a"), "mail": service("a")})
    client = await aiohttp_client(app_of(running))
    assert await get(client, "/readyz") == (200, {"status": "ready", "without_nodes": []})
    running.cluster.watches["shop"].probed(0, Outcome.FAILED, "connection refused")
    assert await get(client, "/readyz") == (200, {"status": "ready", "without_nodes": ["shop"]})
    running.cluster.watches["mail"].set_mode(0, Mode.MAINT)
    assert await get(client, "/readyz") == (503, {"status": "no nodes", "without_nodes": ["shop", "mail"]})


async def test_not_ready_while_stopping_but_alive(aiohttp_client: MakeClient) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running))
    running.engine.stop()
    assert await get(client, "/readyz") == (503, {"status": "stopping", "without_nodes": []})
    assert await get(client, "/healthz") == (200, {"status": "ok"})


# What it tells.


async def test_nodes(aiohttp_client: MakeClient) -> None:
    services = {"shop": service("ab"), "mail": {"nodes": [{"name": "m", "url": "unix:/run/mail.sock"}]}}
    running = runtime(services)
    shop = running.engine.services["shop"]
    shop.inflight[1] = 3
    shop.nodes[1].sightings.see("somebody")
    shop.nodes[1].counters.answers[2] = 7
    running.cluster.watches["shop"].probed(0, Outcome.FAILED, "connection refused")
    client = await aiohttp_client(app_of(running))
    _, answer = await get(client, "/api/nodes")
    a, b, mail = answer["nodes"]
    assert (a["service"], a["node"], a["address"]) == ("shop", "a", "127.0.0.1:9001")
    assert (a["state"], a["why"], a["mode"]) == ("down", "probe failed: connection refused", "ready")
    assert (b["state"], b["inflight"], b["sessions"], b["answers"]["2xx"]) == ("up", 3, 1, 7)
    assert b["connections"] == {"busy": 0, "idle": 0, "opening": 0}
    assert (mail["address"], mail["since"] > 1.7e9) == ("unix:/run/mail.sock", True)


async def test_one_process_is_its_only_worker(aiohttp_client: MakeClient) -> None:
    running = runtime({"shop": service("ab"), "mail": service("m")})
    running.engine.services["shop"].inflight[1] = 3
    running.engine.services["mail"].inflight[0] = 1
    running.engine.counters.connections = 7
    client = await aiohttp_client(app_of(running))
    _, answer = await get(client, "/api/workers")
    (only,) = answer["workers"]
    assert time.time() - PATIENCE < only.pop("since") <= time.time() + 1
    assert only == {
        "worker": 1,
        "state": "serving",
        "pid": os.getpid(),
        "restarts": 0,
        "connections": 7,
        "inflight": 4,
    }


async def test_services(aiohttp_client: MakeClient) -> None:
    running = runtime()
    running.engine.services["shop"].counters.decisions[0] = 5
    client = await aiohttp_client(app_of(running))
    _, answer = await get(client, "/api/services")
    assert answer["services"][0] | {"decisions": None} == {
        "service": "shop",
        "strategy": "affinity",
        "nodes": 3,
        "available": 3,
        "inflight": 0,
        "decisions": None,
        "retries": 0,
        "copies": None,
        "lost": 0,
        "oversized_cookies": 0,
        "requests": 0,
        "requests_per_second": 0.0,
        "errors_per_second": 0.0,
        "p50_ms": None,
        "p99_ms": None,
        "bytes_in": 0,
        "bytes_out": 0,
        "sessions": 0,
        "writes": None,
        "moves": None,
        "unprotected": None,
        "stale": None,
        "conflicts": None,
        "copied_bytes": None,
        "store": None,
    }
    assert answer["services"][0]["decisions"]["sticky"] == 5


async def test_metrics_are_read_by_prometheus(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    async with client.get("/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        names = {family.name for family in text_string_to_metric_families(await response.text())}
    assert {"limpet_requests", "limpet_node_up", "limpet_build_info", "process_open_fds"} <= names


# What it changes.


@pytest.mark.parametrize(("command", "state"), [("drain", "drain"), ("maint", "maint"), ("ready", "up")])
async def test_commands(aiohttp_client: MakeClient, command: str, state: str) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running))
    status, answer = await post(client, f"/api/services/shop/nodes/b/{command}")
    assert (status, answer["node"], answer["state"]) == (200, "b", state)
    assert running.engine.services["shop"].router.view.nodes[1].state.name.lower() == state


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/services/shop/nodes/x/drain", "service shop has no node x"),
        ("/api/services/x/nodes/b/drain", "no service x"),
        ("/api/services/shop/nodes/b/explode", "no command explode; there are drain, ready, maint"),
    ],
)
async def test_what_is_not_there(aiohttp_client: MakeClient, path: str, message: str) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert await post(client, path) == (404, {"error": message})


@pytest.mark.parametrize(
    ("command", "body", "message"),
    [
        ("drain", {"deadline": "soon"}, "`deadline` must be a duration such as 500ms, 2s, 30m, 12h or 1d"),
        ("drain", {"deadline": True}, "`deadline` must be a duration such as 500ms, 2s, 30m, 12h or 1d"),
        ("maint", {"deadline": "1m"}, "only `drain` takes a deadline"),
        ("drain", {"dedline": "1m"}, "no option `dedline`; there is `deadline`"),
        ("drain", [1], "the body must be a JSON object"),
    ],
)
async def test_bad_bodies(aiohttp_client: MakeClient, command: str, body: Any, message: str) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running))
    path = f"/api/services/shop/nodes/b/{command}"
    assert await post(client, path, body) == (400, {"error": message})
    assert running.cluster.watches["shop"].health.nodes[1].mode is Mode.READY


async def test_a_drain_takes_a_deadline(aiohttp_client: MakeClient) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running))
    assert (await post(client, DRAIN, {"deadline": "0s"}))[1]["state"] == "maint"
    assert (await post(client, DRAIN, {"deadline": "5m"}))[1]["state"] == "drain"


async def test_errors_of_the_framework_are_json_too(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert (await get(client, "/nowhere"))[0] == 404
    async with client.get(DRAIN) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert "error" in await response.json()


async def test_a_body_that_is_too_deep_or_too_large_is_refused(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    for body, status in (("[" * 60_000, 400), ("[" * 70_000, 413)):
        async with client.post(DRAIN, data=body) as response:
            assert response.status == status
            assert "error" in await response.json()
