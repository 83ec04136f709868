"""The compared app: the same in front of each kind of session, and honest about its memory."""

import os

import httpx
import pytest

from control.compare.node import CART_BYTES, InMemory, resident_bytes, shop
from limpet_session.asgi import LimpetSessionMiddleware

KEY = "a-key-of-sixteen-bytes-or-more"
ID = "q1Zp0vYcR7mXw3bKfT9eLA"


def client(app: object) -> httpx.AsyncClient:
    url = f"http://node-{os.getpid()}"  # nodes of one address share their sessions, or say that they do not
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=url)  # type: ignore[arg-type]  # its scopes are dicts


async def test_a_session_in_memory_is_known_by_its_cookie() -> None:
    app = InMemory(shop)
    async with client(app) as ann, client(app) as ben:
        assert (await ann.get("/cart")).json() == {"owner": None, "born": None, "count": None}
        assert "set-cookie" not in (await ann.get("/cart")).headers
        first = (await ann.post("/cart?owner=ann")).json()
        assert (first["owner"], first["count"]) == ("ann", 1)
        assert (await ann.post("/cart?owner=ann")).json() == {**first, "count": 2}
        assert (await ben.get("/cart", headers={"cookie": "visitor=guessed"})).json()["count"] is None
        assert (await ann.get("/cart")).json()["count"] == 2


async def test_with_the_sdk_its_state_is_what_a_cart_weighs() -> None:
    asked = {"Limpet-Key": KEY, "Limpet-Session": ID, "Limpet-Version": "0", "Limpet-TTL": "60"}
    async with client(LimpetSessionMiddleware(shop, [KEY])) as http:
        answer = await http.post("/cart?owner=ann", headers=asked)
        assert (answer.json()["count"], answer.headers["Limpet-Version"]) == (1, "2")
        state = (await http.get(f"/.limpet/sessions/{ID}", headers={"Limpet-Key": KEY})).content
        assert CART_BYTES < len(state) < CART_BYTES + 150


def test_memory_that_is_used_is_told_of() -> None:
    before = resident_bytes()
    if before is None:
        pytest.skip("this system does not tell")
    held = [bytearray(b"x" * 1000) for _ in range(20_000)]
    after = resident_bytes()
    assert after is not None
    assert 18e6 < after - before < 30e6
    del held
