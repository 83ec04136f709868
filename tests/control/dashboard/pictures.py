"""Draws the dashboard for the docs: `python -m tests.control.dashboard.pictures docs/images`."""

import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.control import session_node as node
from tests.control.dashboard.chromium import Page, chromium
from tests.control.process import running
from tests.control.shop import HEALTH, NodeProcess

TOKEN = "a token for the pictures"
NODES = {"shop": "abcd", "accounts": "abc", "intranet": "ab"}
USERS = {"shop": 120, "accounts": 60, "intranet": 40}
SECONDS_BEFORE, SECONDS_AFTER = 75, 14


def configuration(nodes: dict[str, dict[str, NodeProcess]], folder: Path) -> str:
    """A service for each strategy."""
    strategies = {
        "shop": {"strategy": "replication"},
        "accounts": {"strategy": "store", "store": "local"},
        "intranet": {"strategy": "affinity"},
    }
    services = {
        name: {"nodes": listed(nodes[name]), "sessions": sessions, "health": HEALTH}
        for name, sessions in strategies.items()
    }
    file = {
        "listen": "127.0.0.1:0",
        "admin": {"listen": "127.0.0.1:0", "token": TOKEN},
        "workers": 2,
        "secrets": ["a secret for the pictures, long enough"],
        "node_keys": [node.KEY],
        "stores": {"local": {"embedded": str(folder / "sessions.db")}},
        "services": services,
        "routes": [{"host": name, "service": name} for name in services],
        "forwarded": {"trusted_proxies": ["127.0.0.1/32"]},
    }
    return json.dumps(file)


def listed(nodes: dict[str, NodeProcess]) -> list[dict[str, object]]:
    return [
        {"name": name, "url": f"http://127.0.0.1:{each.port}", "weight": 2 if name == "c" else 1}
        for name, each in nodes.items()
    ]


@asynccontextmanager
async def visitors(url: str) -> AsyncIterator[str]:
    """Users of each service who come back again and again; gives the cookie of one of the shop's."""
    names = [(host, number) for host, count in USERS.items() for number in range(count)]
    groups = [names[at::27] for at in range(27)]
    cookies: dict[tuple[str, int], str] = {}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:

        async def visit(host: str, number: int) -> None:
            headers = {"Host": host, "X-Forwarded-For": f"10.0.0.{number}"}
            headers["Cookie"] = cookies.get((host, number), "")
            path = "/add" if number % 3 == 0 else "/"
            async with client.get(url + path, headers=headers) as answer:
                await answer.read()
                if told := answer.headers.get("Set-Cookie", "").partition(";")[0]:
                    cookies[host, number] = told

        async def come() -> None:
            for group in itertools.cycle(groups):
                await asyncio.gather(*(visit(*each) for each in group), return_exceptions=True)
                await asyncio.sleep(0.1)

        for group in groups:
            await asyncio.gather(*(visit(*each) for each in group))
        coming = asyncio.create_task(come())
        yield cookies["shop", 0]
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def draw(folder: Path, images: Path) -> None:
    nodes = {
        service: {name: NodeProcess(plain=service == "intranet") for name in names}
        for service, names in NODES.items()
    }
    try:
        async with running(folder, configuration(nodes, folder)) as limpet, chromium(folder) as page:
            admin = f"http://127.0.0.1:{await limpet.admin_port()}"
            async with visitors(f"http://127.0.0.1:{await limpet.port()}") as cookie:
                await page.use_password(TOKEN)
                await page.resize(1280, 900)
                await page.open(f"{admin}/")
                await asyncio.sleep(SECONDS_BEFORE)
                for each in nodes.values():
                    each["b"].kill()
                await asyncio.sleep(SECONDS_AFTER)
                await explain(page, cookie)
                height = int(await page.evaluate("document.documentElement.scrollHeight"))
                for name, width, tall, dark in (
                    ("light", 1280, height, False),
                    ("dark", 1280, height, True),
                    ("phone", 375, 1500, False),
                ):
                    await page.resize(width, tall, dark, 1.5 if width < 600 else 1)
                    await page.evaluate("scrollTo(0, 0)")
                    await asyncio.sleep(2)
                    (images / f"dashboard-{name}.png").write_bytes(await page.picture())
    finally:
        for each in [each for some in nodes.values() for each in some.values()]:
            each.kill()


async def explain(page: Page, cookie: str) -> None:
    await page.press("/")
    await page.type(cookie)
    await page.press("Enter")
    await page.becomes("document.querySelector('#answer dl') !== null")
    await page.evaluate("document.activeElement.blur()")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(draw(Path(made), Path(sys.argv[1])))
