"""Nodes of one process, their sessions in memory, with an endpoint of their own in the app's event loop."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.examples.running import free_port, running, until
from tests.sdk.nodes import KEY
from tests.sdk.remote import Remote, remote
from tests.sdk.test_aiohttp import PATHS
from tests.sdk.test_flask import CONTRACT

UVICORN = ("-m", "uvicorn", "--port", "{port}", "tests.sdk.workers_app:app")
CASES = {**CONTRACT, "renew": "/renew"}
APPS = {
    "uvicorn": ((*UVICORN, "--lifespan", "on"), CASES),
    "uvicorn without a lifespan": ((*UVICORN, "--lifespan", "off"), CASES),
    "aiohttp": (("-m", "tests.sdk.aiohttp_app", "{port}"), PATHS),
}
LISTED = {"Limpet-Key": KEY}


@pytest.fixture(scope="module", params=APPS)
def app(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], dict[str, str]]:
    return APPS[request.param]


@pytest.fixture
def node(app: tuple[tuple[str, ...], dict[str, str]], tmp_path: Path) -> Iterator[Remote]:
    with remote(app[0], tmp_path / "log", {"MEMORY": "1"}, endpoint=True) as node:
        until(lambda: listening(node.sessions_url), "the endpoint is there")
        yield node


def listening(url: str) -> bool:
    try:
        return (
            httpx.get(f"{url}/.limpet/sessions/", headers=LISTED, trust_env=False, timeout=60).status_code
            == 200
        )
    except httpx.TransportError:
        return False


def test_it_keeps_the_contract_and_ends_in_order(
    node: Remote, app: tuple[tuple[str, ...], dict[str, str]]
) -> None:
    assert node.wrong(**app[1]) == []
    code = node.process.stop()
    assert code in (0, -signal.SIGTERM), "not as a crash would end it"
    log = node.process.log.read_text()
    assert "Traceback" not in log and "never" not in log and "destroyed" not in log


def test_it_is_served_before_anything_is_asked(tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    words = [word.format(port=port) for word in APPS["uvicorn"][0]]
    env = {"MEMORY": "1", "LIMPET_ENDPOINT": f"127.0.0.1:{other}"}
    with running([sys.executable, *words], tmp_path / "log", env):
        until(lambda: listening(f"http://127.0.0.1:{other}"), "the endpoint is there")
