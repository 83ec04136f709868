"""Nodes on each framework that the SDKs have a shell for, killed under load: nothing acknowledged is lost."""

import sys
from pathlib import Path

import pytest

from tests.survival.faults import Kill, KillWhileHeld, KillWorker
from tests.survival.play import Plan, play
from tests.survival.schedules import lost_nothing
from tests.survival.setups import REPLICATION

SEED = 1
PYTHON = (sys.executable, "-m")
APPS = {
    # Through the shell for WSGI. Several processes that share a file, so a restart forgets nothing; single
    # ones of them die, too.
    "flask": (*PYTHON, "tests.survival.apps.flask_node", "{port}", "{endpoint}", "{folder}"),
    "express": ("node", "tests/survival/apps/express_node.js", "{port}"),
    "aiohttp": (*PYTHON, "tests.survival.apps.aiohttp_node", "{port}"),
    "django wsgi": (*PYTHON, "tests.survival.apps.django_node", "wsgi", "{port}"),
    "django asgi": (*PYTHON, "tests.survival.apps.django_node", "asgi", "{port}"),
    "fastapi": (*PYTHON, "tests.survival.apps.fastapi_node", "{port}"),
}

FORKING = {"flask"}
BRIEF = {"fastapi"}  # its shell is that of the longer runs with Starlette


@pytest.mark.parametrize("name", APPS)
async def test_no_session_is_lost_with_its_node(name: str, tmp_path: Path) -> None:
    setup = REPLICATION._replace(app=APPS[name], endpoints="{endpoint}" in APPS[name])
    workers = (KillWorker(), KillWorker()) if name in FORKING else ()
    faults = (KillWhileHeld(),) if name in BRIEF else (Kill(), *workers, KillWhileHeld())
    plan = Plan(setup, SEED, faults, counters=40, browsers=8, counter_pause=0.5, calm=0.2)
    findings = await play(plan, tmp_path)
    bad = lost_nothing(findings)
    assert not bad, "\n".join([*bad[:20], findings.summary(), f"logs: {tmp_path}"])
    assert len(findings.waits) > (100 if name in BRIEF else 300)
