"""A real Limpet on a bad day: nothing that it says anywhere has a secret, a token or a session's id in it."""

import base64
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

from tests.control.process import Limpet, command
from tests.control.stack import KEY, Client, Stack, kept, stack
from tests.sessions.stores.processes import RedisProcess

TOKEN = "an-admin-token-that-nobody-else-knows"
PASSWORD = "a-password-of-the-store"
SECRET = "a secret for the tests, long enough"  # of `configuration`
STATE = "what-the-user-keeps"
CHANGED = "-and-changed"  # what is put behind each of them in a file that is to be reloaded
PATHS = [
    "/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/nodes",
    "/api/services",
    "/api/workers",
    "/api/config",
    "/api/settings",
    "/api/history",
    "/api/nothing",
]


class Day(NamedTuple):
    here: Stack
    redis: RedisProcess
    session: str  # the id
    cookie: str  # its token


@asynccontextmanager
async def bad_day(folder: Path) -> AsyncIterator[Day]:
    """Logins, forged and wrong tokens, refused requests, a store that goes away: something of everything."""
    redis = RedisProcess(folder / "redis", "--save", "", "--appendonly", "no")
    redis.ask("ACL", "SETUSER", "limpet", "on", f">{PASSWORD}", "~*", "+@all")
    url = f"redis://limpet:{PASSWORD}@127.0.0.1:{redis.port}/0"
    sessions, stores = {"strategy": "store", "store": "main"}, {"main": {"redis": url}}
    admin = {"listen": "127.0.0.1:0", "token": TOKEN}
    try:
        async with stack(folder, [kept() for _ in "ab"], sessions, stores=stores, admin=admin) as here:
            client = here.client()
            assert (await client.get(f"/add?{STATE}"))[0] == 200
            session = re.search(r"limpet:\{([\w-]{22})\}", str(redis.ask("KEYS", "limpet:*")))
            assert session
            await trouble(here, client)
            redis.stop()
            await client.get("/add")
            await here.limpet.says("store main: .* is down")
            yield Day(here, redis, session[1], client.cookie.partition("=")[2])
    finally:
        redis.stop()


async def trouble(here: Stack, client: Client) -> None:
    forged = client.cookie[:-1] + ("A" if client.cookie[-1] != "A" else "B")
    await client.get("/", cookie=forged)
    await client.get("/", **{"Limpet-Key": KEY, "X-Long": "x" * 40_000})
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer " + TOKEN[:-1]}):
            async with stranger.get(f"{here.admin}/api/nodes", headers=headers) as answer:
                assert answer.status == 401
        url = f"{here.admin}/api/services/shop/nodes/b/drain"
        async with stranger.post(url, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert answer.status == 200


async def told_by_admin(here: Stack, day: Day) -> str:
    """All that the admin port says: the pages, the metrics, the facts, and what it explains."""
    parts = []
    login = base64.b64encode(f":{TOKEN}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {login}"}) as operator:
        for path in PATHS:
            async with operator.get(here.admin + path) as answer:
                assert answer.status == 404 if path == "/api/nothing" else 200
                parts.append(await answer.text())
        async with operator.get(here.admin + "/api/stream") as stream:
            parts.append((await stream.content.readuntil(b"\n\n")).decode())
        for asked in (day.session, day.cookie):
            async with operator.post(f"{here.admin}/api/explain", json={"session": asked}) as answer:
                assert answer.status == 200
                parts.append(await answer.text())
    return "\n".join(parts)


def command_line(limpet: Limpet) -> str:
    """What `ps` shows of it to everybody on the machine."""
    return Path(f"/proc/{limpet.process.pid}/cmdline").read_text().replace("\0", " ")


async def test_nowhere(tmp_path: Path) -> None:
    async with bad_day(tmp_path) as day:
        here = day.here
        told = {"admin": await told_by_admin(here, day), "ps": command_line(here.limpet)}
        file = str(tmp_path / "proxy.yaml")
        env = {"LIMPET_ADMIN_TOKEN": TOKEN}
        for words in (["status"], ["explain", day.session]):
            code, out, err = await command(tmp_path, *words, "--admin", here.admin, env=env)
            assert code == 0, err
            told[words[0]] = out + err
        told["check"] = "".join((await command(tmp_path, "check", "-c", file))[1:])
        told["diff"] = await a_change_of_everything(tmp_path, here)
        here.limpet.signal(signal.SIGTERM)
        await here.limpet.ended()
        told["log"] = here.limpet.err
        access = told["access log"] = here.limpet.out
    assert " shop/" in access, "something was logged"
    assert "is down" in told["log"]
    for word in (TOKEN, TOKEN[:-1], PASSWORD, SECRET, SECRET[:15], KEY, CHANGED, day.session, day.cookie):
        for place, text in told.items():
            assert word not in text, f"{place} tells {word}"


async def a_change_of_everything(folder: Path, here: Stack) -> str:
    """What `check --diff` and `reload` say of a file with other secrets, then with one that is too short."""
    file = folder / "proxy.yaml"
    text = file.read_text()
    for word in (TOKEN, PASSWORD, SECRET, KEY):
        text = text.replace(word, word + CHANGED)
    file.write_text(text)
    env, where = {"LIMPET_ADMIN_TOKEN": TOKEN}, ["-c", str(file), "--admin", here.admin]
    said = [await command(folder, "check", "--diff", *json, *where, env=env) for json in ([], ["--json"])]
    assert "secrets" in said[0][1]
    file.write_text(text.replace(SECRET + CHANGED, SECRET[:15]))
    said.append(await command(folder, "reload", *where, env=env))
    assert said[-1][0] == 2
    return "".join(out + err for _, out, err in said)


async def test_a_mistake_in_a_secret_does_not_show_it(tmp_path: Path) -> None:
    wrong = {
        "secrets": ["short-secret"],
        "node_keys": ["a key with spaces in it"],
        "admin": {"listen": "127.0.0.1:0", "token": "short-token"},
        "stores": {"main": {"redis": f"redis://limpet:{PASSWORD}@host:99999/"}},
        "services": {"shop": {"nodes": [{"name": "a", "url": "http://127.0.0.1:9"}]}},
    }
    (tmp_path / "wrong.yaml").write_text(json.dumps(wrong))
    code, out, err = await command(tmp_path, "check", "-c", str(tmp_path / "wrong.yaml"))
    assert code == 2
    for key in ("secrets[0]", "node_keys[0]", "admin.token", "stores.main.redis"):
        assert f"wrong.yaml:1: {key}: must " in err
    for shown in ("short-secret", "a key with", "short-token", PASSWORD):
        assert shown not in out + err
