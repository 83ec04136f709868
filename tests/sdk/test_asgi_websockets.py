"""WebSockets and the session."""

import asyncio
import json

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from tests.sdk.app import ENTERED, RELEASE, SEEN, At
from tests.sdk.nodes import A, B
from tests.sdk.serving import PATIENCE


async def test_a_websocket_has_the_session(at: At) -> None:
    at.ask("/put?a=1")
    url = at.url.replace("http", "ws")
    async with websockets.connect(url + "/talk", additional_headers=at.fields(2), proxy=None) as socket:
        assert json.loads(await socket.recv()) == {"a": "1", "talked": True}
        assert socket.response is not None and socket.response.headers["Limpet-Version"] == "3"
    assert at.held() == (3, {"a": "1", "talked": True})


@pytest.mark.parametrize(
    ("path", "version", "status", "told"), [("/turn_away", 0, 403, "1"), ("/talk", 7, 409, "0")]
)
async def test_a_websocket_that_is_turned_away_says_the_version(
    at: At, path: str, version: int, status: int, told: str
) -> None:
    url = at.url.replace("http", "ws") + path
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(url, additional_headers=at.fields(version), proxy=None)
    response = refused.value.response
    assert (response.status_code, response.headers["Limpet-Version"]) == (status, told)


async def test_a_websocket_whose_write_was_discarded_is_not_accepted(at: At) -> None:
    url = at.url.replace("http", "ws") + "/talk_late"
    client = asyncio.ensure_future(
        websockets.connect(url, additional_headers=at.fields(), proxy=None).__aenter__()
    )
    assert await asyncio.to_thread(ENTERED.wait, PATIENCE)
    assert (await asyncio.to_thread(at.call, "DELETE", f"/{A}", TTL=60)).status_code == 204
    RELEASE.set()
    with pytest.raises(InvalidStatus) as refused:
        await client
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["Limpet-Need"] == "state"
    assert (await asyncio.to_thread(at.ask, "/show", name=B)).status_code == 200
    assert SEEN == []
