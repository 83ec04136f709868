"""Whose a token, a key or an id is, where it is pinned, and where it would go now."""

import time
from typing import Any

import pytest

from control.probes import Outcome
from sessions.ids import new_id
from sessions.privacy import Pseudonyms
from sessions.token import Sealer, Token
from tests.control.admin import Client, MakeClient, app_of, post
from tests.control.settings import SECRET, runtime, service


def sealed(node: int, age: int = 0, name: str = "shop", secret: bytes = SECRET) -> tuple[str, str]:
    """A token and the session id in it."""
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
    assert found["holders"] is None
    assert found["because"] == (
        f"It is pinned to b, which is down: {found['node']} is the first in its order that may take it."
        " What its node has in memory does not come along."
    )


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
