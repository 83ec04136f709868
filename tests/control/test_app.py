"""The admin port: who may call it, what it answers, and what it changes."""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from prometheus_client.parser import text_string_to_metric_families

from control.app import Admin, make_app
from control.metrics import Metrics
from control.probes import Outcome
from control.wiring import Runtime
from routing.states import Mode
from sessions.ids import new_id
from sessions.privacy import Pseudonyms
from sessions.token import Sealer, Token
from tests.control.settings import SECRET, runtime, service

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[[web.Application], Awaitable[Client]]
TOKEN = b"a token for the tests"
BEARER = {"Authorization": f"Bearer {TOKEN.decode()}"}
PATHS = ["/", "/metrics", "/api/nodes", "/api/services"]
DRAIN = "/api/services/shop/nodes/b/drain"


def app_of(running: Runtime, token: bytes | None = None) -> web.Application:
    return make_app(
        Admin(
            running.engine,
            running.cluster,
            Pseudonyms(SECRET),
            Metrics(running.engine),
            running.cookies,
            token,
        )
    )


async def get(client: Client, path: str, **headers: str) -> tuple[int, Any]:
    async with client.get(path, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if response.content_type == "application/json" else text


async def post(client: Client, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body)
    async with client.post(path, data=data, headers=headers) as response:
        return response.status, await response.json()


# Who may call.


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1:9900", "localhost", "[::1]:9900", "127.8.8.8"])
async def test_without_a_token_this_machine_may_call(
    aiohttp_client: MakeClient, path: str, host: str
) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert (await get(client, path, Host=host))[0] == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9900", "192.0.2.1"]
)
async def test_a_name_that_was_made_to_mean_this_machine_may_not(
    aiohttp_client: MakeClient, path: str, host: str
) -> None:
    client = await aiohttp_client(app_of(runtime()))
    status, answer = await get(client, path, Host=host)
    assert status == 403
    assert "loopback" in answer["error"]


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_origin_may_change_nothing(
    aiohttp_client: MakeClient, origin: str, token: bytes | None
) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running, token))
    status, answer = await post(client, DRAIN, Origin=origin, **(BEARER if token else {}))
    assert (status, answer["error"]) == (403, "a page of another origin may not change anything here")
    assert running.cluster.watches["shop"].health.nodes[1].mode is Mode.READY


async def test_a_page_of_this_origin_may(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert (await post(client, DRAIN, Origin=f"http://127.0.0.1:{client.port}"))[0] == 200


@pytest.mark.parametrize("path", [*PATHS, "/nowhere"])
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer a token for the test",
        "Bearer a token for the tests2",
        "Basic !!!",
        "Basic " + b64encode(TOKEN).decode(),
        "Bearer \udcff",
        "Digest a token for the tests",
    ],
)
async def test_a_token_is_needed_where_one_is_set(
    aiohttp_client: MakeClient, path: str, authorization: str
) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    async with client.get(path, headers={"Authorization": authorization}) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        assert "token" in (await response.json())["error"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization", [BEARER["Authorization"], "Basic " + b64encode(b"anybody:" + TOKEN).decode()]
)
async def test_the_token_opens_from_anywhere(
    aiohttp_client: MakeClient, path: str, authorization: str
) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    assert (await get(client, path, Authorization=authorization, Host="limpet.internal:9900"))[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_open_to_everybody(aiohttp_client: MakeClient, path: str) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    assert (await get(client, path, Host="anything.example"))[0] == 200


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
    assert "Stopping." in (await get(client, "/"))[1]


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
        "lost": 0,
    }
    assert answer["services"][0]["decisions"]["sticky"] == 5


async def test_the_page_shows_nodes_and_runs_no_scripts(aiohttp_client: MakeClient) -> None:
    running = runtime()
    running.cluster.watches["shop"].probed(0, Outcome.FAILED, "<script>")
    client = await aiohttp_client(app_of(running))
    async with client.get("/") as response:
        page = await response.text()
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "2 of 3 nodes are up." in page
    assert "probe failed: &lt;script&gt;" in page
    assert "<script" not in page


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


# Explaining a session.


def sealed(node: int, age: int = 0, name: str = "shop", secret: bytes = SECRET) -> tuple[str, str]:
    """A token and the session id in it."""
    import time

    then, session = int(time.time()) - age, new_id()
    token = Token(session, node, 0, then, then, False)
    return Sealer([secret], name, ["a", "b", "c"]).seal(token).decode(), session


async def explained(client: Client, session: str, **more: str) -> list[Any]:
    status, answer = await post(client, "/api/explain", {"session": session, **more})
    assert status == 200
    return list(answer["found"])


async def test_a_token_is_explained(aiohttp_client: MakeClient) -> None:
    running = runtime({"shop": service(), "mail": service()})
    client = await aiohttp_client(app_of(running))
    token, session = sealed(1)
    (found,) = await explained(client, token)
    assert (found["service"], found["known_by"], found["flag"]) == ("shop", "token", "V")
    assert (found["pin"], found["pin_state"], found["node"], found["reason"]) == ("b", "up", "b", "sticky")
    assert found["session"] == Pseudonyms(SECRET).session_hash(session)
    assert sorted(found["order"]) == ["a", "b", "c"]
    assert await explained(client, f"other=1; limpet_shop={token}; more=2") == [found]


async def test_a_token_of_a_node_that_is_down_tells_where_it_goes(aiohttp_client: MakeClient) -> None:
    running = runtime()
    running.cluster.watches["shop"].probed(1, Outcome.FAILED, "connection refused")
    client = await aiohttp_client(app_of(running))
    (found,) = await explained(client, sealed(1)[0])
    assert (found["flag"], found["pin_state"], found["reason"]) == ("D", "down", "failover")
    assert found["node"] == next(name for name in found["order"] if name != "b")


async def test_a_token_that_is_too_old(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    (found,) = await explained(client, sealed(1, age=1801)[0])
    assert (found["known_by"], found["flag"], found["node"], found["reason"]) == (
        "expired token",
        "E",
        None,
        "new",
    )


async def test_a_session_id(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime({"shop": service(), "mail": service()})))
    session = new_id()
    assert len(await explained(client, session)) == 2
    (found,) = await explained(client, session, service="mail")
    assert (found["service"], found["known_by"], found["pin"], found["node"]) == (
        "mail",
        "id",
        None,
        found["order"][0],
    )


async def test_a_key_that_somebody_else_makes(aiohttp_client: MakeClient) -> None:
    running = runtime({"shop": service(affinity={"mode": "hash", "cookie": "sid"})})
    client = await aiohttp_client(app_of(running))
    (found,) = await explained(client, "sid=somebody")
    assert (found["known_by"], found["reason"], found["node"]) == ("key", "hashed", found["order"][0])
    assert await explained(client, "somebody") == [found]


async def test_a_header_that_somebody_else_makes(aiohttp_client: MakeClient) -> None:
    running = runtime({"shop": service(affinity={"mode": "hash", "header": "X-User"})})
    client = await aiohttp_client(app_of(running))
    (found,) = await explained(client, "somebody")
    assert (found["known_by"], found["reason"]) == ("key", "hashed")


@pytest.mark.parametrize("given", ["garbage", "=", "limpet_shop=x", "é€", "a" * 5000])
async def test_what_nobody_knows(aiohttp_client: MakeClient, given: str) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert await explained(client, given) == []


async def test_a_forged_token_is_known_by_nobody(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert await explained(client, sealed(1, secret=b"another secret, long enough too")[0]) == []


@pytest.mark.parametrize("body", [{}, {"session": ""}, {"session": 5}])
async def test_explain_needs_something_to_explain(aiohttp_client: MakeClient, body: Any) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert (await post(client, "/api/explain", body))[0] == 400


async def test_explain_of_a_service_that_is_not_there(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert await post(client, "/api/explain", {"session": "x", "service": "y"}) == (
        404,
        {"error": "no service y"},
    )
