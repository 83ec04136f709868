"""Fences of sessions whose requests are under way."""

import asyncio
import json
import threading

import httpx

from tests.sdk.app import RELEASE, SEEN, At, Holding
from tests.sdk.nodes import TAKEOVER, A, B
from tests.sdk.serving import PATIENCE


def test_a_fence_lets_a_running_request_send_its_head(slow: tuple[At, Holding]) -> None:
    at, holding = slow
    fences: list[httpx.Response] = []
    fence = threading.Thread(
        target=lambda: fences.append(at.call("POST", f"/{A}/fence", Fence=TAKEOVER, TTL=60))
    )
    at.node.shell.shell.fence_seconds = PATIENCE
    fence.start()
    while not at.node.shell.node.running._holds:
        assert fence.is_alive(), fences
    refused = at.ask("/show", 2)
    assert (refused.status_code, refused.headers["limpet-need"]) == (409, "state")
    assert at.ask("/put?other=1", name=B).status_code == 200
    assert holding.end().headers["limpet-version"] == "3"
    fence.join(PATIENCE)
    assert (fences[0].status_code, fences[0].json()) == (200, {"a": "1", "late": "1"})
    assert at.ask("/show", 3).headers["limpet-need"] == "state"


def test_but_not_for_ever_and_then_its_write_is_discarded(slow: tuple[At, Holding]) -> None:
    at, holding = slow
    batch = json.dumps({"id": A, "fence": TAKEOVER}).encode()
    assert json.loads(at.call("POST", "/", batch).content)["version"] == 2
    answer = holding.end()
    # The app said 409: that would mean that it has not run.
    assert (answer.status_code, answer.headers["limpet-need"]) == (503, "state")
    assert at.held() == (2, {"a": "1"})


async def test_a_stream_that_has_begun_holds_up_no_fence(at: At) -> None:
    at.node.shell.shell.fence_seconds = 10 * PATIENCE
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client,
        client.stream("GET", at.url + "/stream", headers=at.fields()) as answer,
    ):
        fence = await asyncio.to_thread(at.call, "POST", f"/{A}/fence", Fence=TAKEOVER, TTL=60)
        assert SEEN == [], "the stream has ended, although nobody has released it"
        assert (fence.status_code, fence.json()) == (200, {"before": 1})
        RELEASE.set()
        assert await answer.aread() == b"firstlast"


def test_a_fence_that_is_refused_does_not_wait(slow: tuple[At, Holding]) -> None:
    at, _ = slow
    at.node.shell.shell.fence_seconds = 10 * PATIENCE
    assert at.call("POST", f"/{A}/fence", Fence=2).status_code == 409
