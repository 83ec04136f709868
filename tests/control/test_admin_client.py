"""Where the command finds a running Limpet, and what it says when it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from config.problems import ConfigError
from control.admin_client import AdminError, Place, call_admin, locate
from tests.examples.running import free_port


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9900", "http://127.0.0.1:9900"),
        ('"[::1]:9900"', "http://[::1]:9900"),
        ("0.0.0.0:9900", "http://127.0.0.1:9900"),
        ('"[::]:9900"', "http://[::1]:9900"),
        ("unix:/run/limpet.sock", "unix:/run/limpet.sock"),
    ],
)
def test_the_address_is_the_file_s(tmp_path: Path, listen: str, url: str) -> None:
    (tmp_path / "proxy.yaml").write_text(f"admin: {{listen: {listen}}}\n")
    assert locate(str(tmp_path / "proxy.yaml"), None, {}) == Place(url, "")


@pytest.mark.parametrize(
    "content", ["", "admin:\n", "services: {}\n", "- a\n", "admin: {listen: '${UNSET:-127.0.0.1:9900}'}"]
)
def test_the_default_is_found_whatever_else_is_wrong_with_the_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "proxy.yaml").write_text(content)
    assert locate(str(tmp_path / "proxy.yaml"), None, {}) == Place("http://127.0.0.1:9900", "")


def test_the_token_is_the_environment_s_before_the_file_s(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text("admin: {token: '${TOKEN}'}\n")
    assert locate(str(file), None, {"TOKEN": "of the file"}).token == "of the file"
    assert locate(str(file), None, {"TOKEN": "of the file", "LIMPET_ADMIN_TOKEN": "mine"}).token == "mine"
    assert locate(str(file), None, {"LIMPET_ADMIN_TOKEN": "mine"}).token == "mine"
    assert locate(str(file), None, {}).token == ""


def test_the_token_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("admin: {token_file: token}\n")
    (tmp_path / "token").write_text("of its own\n")
    assert locate(str(tmp_path / "proxy.yaml"), None, {}).token == "of its own"
    (tmp_path / "token").unlink()
    with pytest.raises(AdminError, match="LIMPET_ADMIN_TOKEN"):
        locate(str(tmp_path / "proxy.yaml"), None, {})


def test_a_url_needs_no_file() -> None:
    assert locate("/nowhere", "http://x:1", {"LIMPET_ADMIN_TOKEN": "mine"}) == Place("http://x:1", "mine")
    with pytest.raises(ConfigError, match="No such file"):
        locate("/nowhere", None, {})


def test_an_address_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("admin: {listen: 9900}\n")
    with pytest.raises(AdminError, match=r"admin\.listen must be HOST:PORT"):
        locate(str(tmp_path / "proxy.yaml"), None, {})


def test_nobody_there() -> None:
    with pytest.raises(AdminError, match=r"no Limpet answers at .*: connection refused"):
        call_admin(Place(f"http://127.0.0.1:{free_port()}", ""), "GET", "/api/nodes")


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:9900", "http://x:port", "unix:relative"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(AdminError, match="is not http://HOST:PORT"):
        call_admin(Place(url, ""), "GET", "/api/nodes")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (web.Response(text="hello"), "is not Limpet's admin port"),
        (web.json_response({"error": "x"}, status=401), "LIMPET_ADMIN_TOKEN"),
        (web.json_response({"error": "no service x"}, status=404), "no service x"),
    ],
)
async def test_refusals(
    aiohttp_server: Callable[[web.Application], Awaitable[TestServer]], answer: web.Response, message: str
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.router.add_get("/api/nodes", handler)
    server = await aiohttp_server(app)
    with pytest.raises(AdminError, match=message):
        await asyncio.to_thread(
            call_admin, Place(str(server.make_url("")).rstrip("/"), ""), "GET", "/api/nodes"
        )


async def test_the_token_and_the_body_are_sent(
    aiohttp_server: Callable[[web.Application], Awaitable[TestServer]],
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response([request.headers["Authorization"], await request.json()])

    app = web.Application()
    app.router.add_post("/x", handler)
    server = await aiohttp_server(app)
    place = Place(str(server.make_url("")).rstrip("/"), "mine")
    assert await asyncio.to_thread(call_admin, place, "POST", "/x", {"a": 1}) == ["Bearer mine", {"a": 1}]
