"""An upload too large to be kept goes to the node that serves its session, be that the token's or not."""

import json
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.control.stack import KEY, Stack, kept, stack

SIZE = 500_000  # what is kept to be sent again is 64 KiB


def endpoint(port: int, method: str, path: str, **fields: str) -> list[dict[str, Any]]:
    """The lines of an endpoint's answer."""
    headers = {"Limpet-Key": KEY, **{f"Limpet-{name}": value for name, value in fields.items()}}
    url = f"http://127.0.0.1:{port}/.limpet/sessions/{path}"
    with urllib.request.urlopen(
        urllib.request.Request(url, None, headers, method=method), timeout=60
    ) as answer:
        return [json.loads(line) for line in answer]


def stop_serving(here: Stack) -> None:
    """As another proxy does that moves the session: this one's clients do not know."""
    for port in here.ports:
        for entry in endpoint(port, "GET", ""):
            if entry["serving"]:
                endpoint(port, "POST", f"{entry['id']}/fence", Fence=str(entry["version"] + (1 << 20)))


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(SIZE // 5000):
        yield b"x" * 5000


@pytest.mark.parametrize("chunked", [False, True])
async def test_it_is_sent_once_to_who_serves_the_session(tmp_path: Path, chunked: bool) -> None:
    async with stack(tmp_path, [kept() for _ in "abc"], {"strategy": "replication"}) as here:
        client = here.client()
        for count in range(1, 8, 2):
            assert (await client.get("/add"))[1]["session"] == {"count": count}
            stop_serving(here)
            status = 503
            while status == 503:  # on a busy machine a node's answer may take longer than a search waits
                status, told = await client.get("/add", body=chunks() if chunked else b"x" * SIZE)
                assert status == 200 or "cannot be served right now" in told["detail"], told
            assert (status, told) == (200, {"session": {"count": count + 1}, "seen": [], "got": SIZE})


async def test_one_for_a_session_that_has_ended_begins_a_new_one(tmp_path: Path) -> None:
    async with stack(tmp_path, [kept() for _ in "abc"], {"strategy": "replication"}) as here:
        client = here.client()
        await client.get("/add")
        dead = client.cookie
        await client.get("/end")
        status, told = await client.get("/add", cookie=dead, body=b"x" * SIZE)
        assert (status, told["session"], told["got"]) == (200, {"count": 1}, SIZE)
