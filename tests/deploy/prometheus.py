"""A real Prometheus with the project's own configuration, quick enough for a test, and what it answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import aiohttp
import yaml

from tests.control.process import PATIENCE
from tests.deploy.rules import PROMETHEUS
from tests.examples.running import free_port


class Prometheus:
    """A running one."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self._url = url
        self._client = client

    async def ask(self, path: str, **params: str) -> Any:
        """`data` of an answer of its API. Fails with what Prometheus says is wrong."""
        async with self._client.get(f"{self._url}/api/v1/{path}", params=params) as answer:
            body = await answer.json()
        assert body["status"] == "success", f"{params}: {body.get('error')}"
        return body["data"]

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """What the expression is now, as a vector."""
        found: list[dict[str, Any]] = (await self.ask("query", query=expression))["result"]
        return found

    async def until(self, condition: Callable[[Any], object], expression: str) -> None:
        """Wait until what the expression gives meets the condition."""
        deadline = time.monotonic() + PATIENCE
        while not condition(found := await self.query(expression)):
            assert time.monotonic() < deadline, f"{expression} is still {found}"
            await asyncio.sleep(0.1)


@asynccontextmanager
async def scraping(folder: Path, admin: str) -> AsyncIterator[Prometheus]:
    """Prometheus, which scrapes this admin port twice a second and whose alerts do not wait."""
    home = folder / "prometheus"
    configure(home, admin.removeprefix("http://"))
    port = free_port()
    with (home / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={home}/prometheus.yml",
            f"--storage.tsdb.path={home}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
    try:
        async with aiohttp.ClientSession() as client:
            prometheus = Prometheus(f"http://127.0.0.1:{port}", client)
            await ready(client, f"http://127.0.0.1:{port}/-/ready", home / "log")
            await prometheus.until(len, 'up{job="limpet"} == 1')
            yield prometheus
    finally:
        process.kill()
        await process.wait()


def configure(home: Path, target: str) -> None:
    """The files of deploy/prometheus, with intervals of half a second and this target."""
    copytree(PROMETHEUS, home)
    file = yaml.safe_load((home / "prometheus.yml").read_text())
    file["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    file["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (home / "prometheus.yml").write_text(yaml.safe_dump(file))
    rules = yaml.safe_load((home / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        rule.pop("for", None)
    (home / "alerts.yml").write_text(yaml.safe_dump(rules))


async def ready(client: aiohttp.ClientSession, url: str, log: Path) -> None:
    """Wait until it answers."""
    deadline = time.monotonic() + PATIENCE
    while not await answers(client, url):
        assert time.monotonic() < deadline, f"Prometheus does not answer: see {log}"
        await asyncio.sleep(0.05)


async def answers(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
