"""The dashboard's files: what is served, and with which headers."""

import re

import pytest

from control.dashboard.files import Files
from tests.control.admin import MakeClient, app_of, get
from tests.control.settings import runtime

FILES = Files()


async def test_the_page_is_whole_and_lets_nothing_in(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(app_of(runtime()))
    async with client.get("/") as response:
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert response.content_type == "text/html"
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    for file in re.findall(r'(?:src|href)="(dashboard/[^"]+)"', page):
        async with client.get(f"/{file}") as response:
            assert response.status == 200
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            again = {"If-None-Match": response.headers["ETag"]}
        async with client.get(f"/{file}", headers=again) as response:
            assert (response.status, await response.read()) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2ffiles.py", "__init__.py"])
async def test_nothing_else_is_served(aiohttp_client: MakeClient, name: str) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert (await get(client, f"/dashboard/{name}"))[0] == 404


def test_nothing_inline_and_nothing_from_elsewhere() -> None:
    for name, content in FILES.contents.items():
        text = content.decode()
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name
        addresses = set(re.findall(r"https?://[^\s\"')]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name


def test_every_import_is_there() -> None:
    for name, content in FILES.contents.items():
        if name.endswith(".js"):
            imported = re.findall(r"from '\./([^']+)'", content.decode())
            assert set(imported) <= FILES.contents.keys(), name
