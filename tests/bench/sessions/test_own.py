"""What Limpet is compared with: an app that keeps its sessions itself, and no better than it has to."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.sessions.counts import answered
from bench.sessions.own import InMemory, OwnSessions, Watched
from bench.sessions.setups import STARLETTE, app_servers


class Noted(InMemory):
    """Notes what it is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.did: list[str] = []

    async def load(self, name: str) -> Watched:
        self.did.append("load")
        return await super().load(name)

    async def save(self, name: str, session: Watched) -> None:
        self.did.append("save")
        await super().save(name, session)


async def add(request: Request) -> Response:
    request.session["count"] = request.session.get("count", 0) + 1
    return PlainTextResponse(str(request.session["count"]))


async def show(request: Request) -> Response:
    return PlainTextResponse(str(request.session.get("count", 0)))


@pytest.fixture
def kept() -> Noted:
    return Noted()


@pytest.fixture
def client(kept: Noted) -> httpx.AsyncClient:
    app = OwnSessions(Starlette(routes=[Route("/add", add), Route("/show", show)]), kept)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")


async def test_a_session_is_read_once_and_written_where_it_changed(
    client: httpx.AsyncClient, kept: Noted
) -> None:
    async with client:
        assert (await client.get("/show")).text == "0"
        assert kept.did == [], "a stranger's request costs nothing"
        assert (await client.get("/add")).text == "1"
        assert kept.did == ["save"]
        assert (await client.get("/add")).text == "2"
        assert (await client.get("/show")).text == "2"
    assert kept.did == ["save", "load", "save", "load"]


def test_a_node_of_the_bench_comes_up_with_it(tmp_path: Path) -> None:
    with app_servers(STARLETTE, "memory", [""], tmp_path, ("n1",)) as (ports, _):
        assert answered(ports[0], b"GET /read HTTP/1.0\r\n\r\n")[16:] == b"0"


async def test_sessions_are_apart(client: httpx.AsyncClient) -> None:
    async with client:
        await client.get("/add")
        client.cookies.clear()
        assert (await client.get("/show")).text == "0"
