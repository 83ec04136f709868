"""A running Limpet reads its file again: all of it is taken at once, or nothing. Real processes."""

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from tests.control.process import PATIENCE, Limpet, command, configuration, eventually, running

T = TypeVar("T")
_numbers = itertools.count()  # of clients: those who come from one address are sent to one node


@asynccontextmanager
async def nodes(count: int) -> AsyncIterator[list[int]]:
    """Apps that say which they are (0, 1, ...), each on a port of its own; `/slow` takes until `/go`."""
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(node(number)) for number in range(count)]


@asynccontextmanager
async def node(number: int) -> AsyncIterator[int]:
    going = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/go":
            going.set()
        if request.path == "/slow":
            await going.wait()
        return web.Response(text=str(number))

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.port
    finally:
        going.set()
        await runner.cleanup()


class Reloaded:
    """A running Limpet and its file."""

    def __init__(self, limpet: Limpet, folder: Path, port: int, admin: int) -> None:
        self.limpet = limpet
        self.file = folder / "proxy.yaml"
        self.url = f"http://127.0.0.1:{port}"
        self.admin = f"http://127.0.0.1:{admin}"

    def write(self, text: str) -> None:
        """As careful editors do: another file in its place."""
        beside = self.file.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self.file)

    async def reload(self, text: str) -> dict[str, Any]:
        """Upon SIGHUP; how that went."""
        self.write(text)
        before = (await self.config())["tried"]
        self.limpet.signal(signal.SIGHUP)
        return await becoming(self.config, lambda facts: facts["tried"] != before)

    async def config(self) -> dict[str, Any]:
        return json.loads((await ask(f"{self.admin}/api/config"))[1])

    async def metrics(self) -> str:
        return (await ask(f"{self.admin}/metrics"))[1]

    async def count(self, line: str) -> float:
        """The value of the sample that begins with this."""
        text = await self.metrics()
        return float(next(each for each in text.splitlines() if each.startswith(line)).rpartition(" ")[2])


async def becoming(look: Callable[[], Awaitable[T]], right: Callable[[T], object]) -> T:
    """Look until it is right, for a bounded time."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if right(seen := await look()):
                return seen
            await asyncio.sleep(0.01)


async def ask(url: str, cookie: str = "", method: str = "GET") -> tuple[int, str, str]:
    """Status, body, and the cookie that was set, if any."""
    jar = aiohttp.DummyCookieJar()
    from_another = aiohttp.TCPConnector(local_addr=(f"127.0.1.{next(_numbers) % 250 + 1}", 0))
    async with (
        aiohttp.ClientSession(cookie_jar=jar, connector=from_another) as client,
        client.request(method, url, headers={"Accept": "text/html", "Cookie": cookie}) as a,
    ):
        return a.status, await a.text(), a.headers.get("Set-Cookie", "").partition(";")[0]


@asynccontextmanager
async def reloadable(folder: Path, config: str) -> AsyncIterator[Reloaded]:
    async with running(folder, config) as limpet:
        yield Reloaded(limpet, folder, await limpet.port(), await limpet.admin_port())


async def test_nodes_come_and_go_and_sessions_stay_where_they_need_not_move(tmp_path: Path) -> None:
    async with nodes(4) as ports, reloadable(tmp_path, configuration(ports[:3])) as it:
        users = [await ask(it.url) for _ in range(30)]
        assert {where for _, where, _ in users} == {"0", "1", "2"}
        file = json.loads(configuration(ports))
        del file["services"]["shop"]["nodes"][1]
        facts = await it.reload(json.dumps(file))
        assert facts["ok"]
        assert facts["by"] == "SIGHUP"
        for _, where, cookie in users:
            status, now, _ = await ask(it.url, cookie)
            assert status == 200
            assert now == where if where != "1" else now in "023"
        assert {(await ask(it.url))[1] for _ in range(60)} == {"0", "2", "3"}
        assert await it.count("limpet_config_last_reload_success") == 1
        await eventually_gone(it, "b")


async def eventually_gone(it: Reloaded, name: str) -> None:
    """The node is no longer spoken of."""
    await it.limpet.says(f"node gone: service=shop node={name}")
    assert f'node="{name}"' not in await it.metrics()


async def test_a_file_with_mistakes_changes_nothing_and_is_complained_about(tmp_path: Path) -> None:
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports[:1])) as it:
        facts = await it.reload(configuration(ports, limits={"head": "nonsense"}))
        assert not facts["ok"]
        assert facts["loaded"] < facts["tried"]
        (problem,) = facts["problems"]
        assert "limits.head" in problem
        await it.limpet.says("configuration refused .SIGHUP., nothing has changed: .*limits.head")
        assert await it.count("limpet_config_last_reload_success ") == 0
        assert {(await ask(it.url))[1] for _ in range(20)} == {"0"}
        code, _, said = await command(tmp_path, "reload", "--admin", it.admin)
        assert code == 2
        assert "limits.head" in said
        it.write(configuration(ports))
        assert (await command(tmp_path, "reload", "--admin", it.admin))[0] == 0
        assert await it.count("limpet_config_last_reload_success ") == 1
        assert {(await ask(it.url))[1] for _ in range(40)} == {"0", "1"}


async def test_counters_health_and_connections_go_on(tmp_path: Path) -> None:
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports)) as it:
        for _ in range(5):
            await ask(it.url)
        await ask(f"{it.admin}/api/services/shop/nodes/b/maint", method="POST")
        before = await it.count('limpet_requests_total{code="2xx",node="a",service="shop"}')
        changed = configuration(ports, timeouts={"keep_alive": "5s"}, access_log={"format": "json"})
        file = json.loads(changed)
        file["services"]["shop"]["nodes"][0]["weight"] = 3
        file["services"]["shop"]["timeouts"] = {"response": "7s"}
        assert (await it.reload(json.dumps(file)))["ok"]
        assert {(await ask(it.url))[1] for _ in range(4)} == {"0"}  # the operator's word stands
        assert await it.count('limpet_requests_total{code="2xx",node="a",service="shop"}') == before + 4
        await eventually(lambda: '"service": "shop"' in it.limpet.out or '"service":"shop"' in it.limpet.out)


async def test_a_request_under_way_at_a_node_that_goes_is_answered(tmp_path: Path) -> None:
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports[:1])) as it:
        slow = asyncio.create_task(ask(f"{it.url}/slow"))
        await becoming(lambda: it.count('limpet_node_inflight{node="a"'), lambda count: count == 1)
        file = json.loads(configuration(ports))
        del file["services"]["shop"]["nodes"][0]
        assert (await it.reload(json.dumps(file)))["ok"]
        assert (await ask(it.url))[1] == "1"
        assert 'node="a"' in await it.metrics()
        await ask(f"http://127.0.0.1:{ports[0]}/go")
        assert (await slow)[:2] == (200, "0")
        await eventually_gone(it, "a")


async def test_listeners_routes_secrets_and_the_admin_token_change(tmp_path: Path) -> None:
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports[:1])) as it:
        cookie = (await ask(it.url))[2]
        file = json.loads(configuration(ports[:1]))
        file["secrets"] = ["another secret, long enough too", *file["secrets"]]
        file["listen"] = ["127.0.0.1:0", f"unix:{tmp_path}/limpet.sock"]
        file["services"]["mail"] = {"nodes": [{"name": "m", "url": f"http://127.0.0.1:{ports[1]}"}]}
        file["routes"] = [{"service": "shop"}, {"path": "/mail", "service": "mail"}]
        assert (await it.reload(json.dumps(file)))["ok"]
        assert (await ask(it.url, cookie))[:2] == (200, "0")
        assert (await ask(f"{it.url}/mail"))[1] == "1"
        connector = aiohttp.UnixConnector(f"{tmp_path}/limpet.sock")
        async with aiohttp.ClientSession(connector=connector) as client, client.get("http://x/mail") as a:
            assert await a.text() == "1"
        del file["services"]["mail"], file["routes"], file["listen"][1]
        file["admin"]["token"] = "a token for the admin port"
        it.write(json.dumps(file))
        it.limpet.signal(signal.SIGHUP)
        await becoming(lambda: ask(f"{it.admin}/api/config"), lambda answer: answer[0] == 401)
        assert (await ask(f"{it.url}/mail"))[1] == "0"


async def test_an_address_that_is_taken_refuses_the_whole_reload(tmp_path: Path) -> None:
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports[:1])) as it:
        file = json.loads(configuration(ports))
        file["listen"] = ["127.0.0.1:0", f"127.0.0.1:{ports[1]}"]
        file["services"]["shop"]["nodes"].pop()
        file["services"]["shop"]["nodes"][0]["name"] = "other"
        facts = await it.reload(json.dumps(file))
        assert facts["problems"] == [f"cannot listen on 127.0.0.1:{ports[1]}: address already in use"]
        assert 'node="other"' not in await it.metrics()
        assert (await ask(it.url))[:2] == (200, "0")


async def test_a_file_that_is_watched_is_read_when_it_or_what_it_names_changes(tmp_path: Path) -> None:
    """By a symbolic link to a folder that is swapped, as in a Kubernetes volume, by rename, and in place."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "page").write_text("the first page")
    (tmp_path / "two" / "page").write_text("the second page")
    (tmp_path / "data").symlink_to("one")
    async with nodes(2) as ports:
        options: dict[str, Any] = {"watch": True, "error_pages": {"html": "data/page"}}
        options["routes"] = [{"service": "shop", "path": "/a"}]
        async with reloadable(tmp_path, configuration(ports[:1], **options)) as it:
            assert (await ask(it.url))[:2] == (404, "the first page")
            (tmp_path / "later").symlink_to("two")
            (tmp_path / "later").rename(tmp_path / "data")
            await becoming(lambda: ask(it.url), lambda answer: answer[1] == "the second page")
            options["routes"] = [{"service": "shop", "path": "/"}]
            it.write(configuration(ports[:1], **options))
            await becoming(lambda: ask(it.url), lambda answer: answer[:2] == (200, "0"))
            it.file.write_text("services: {")
            await it.limpet.says("configuration refused .watch.")
            it.file.write_text(configuration(ports[1:], **options))
            await becoming(lambda: ask(it.url), lambda answer: answer[:2] == (200, "1"))
            assert (await it.config())["by"] == "watch"
            assert it.limpet.err.count("configuration refused") == 1


async def test_what_a_file_would_change_can_be_asked_first(tmp_path: Path) -> None:
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports)) as it:
        await ask(it.url)
        it.write(configuration(ports[:1], timeouts={"head": "7s"}))
        asked = ("check", "-c", str(it.file), "--diff", "--admin", it.admin)
        code, out, err = await command(tmp_path, *asked)
        assert code == 0, err
        assert "~ timeouts.head: 10 -> 7\n" in out
        assert "- services.shop.nodes[b].weight: 1\n" in out
        assert "shop: b would leave" in out
        code, out, err = await command(tmp_path, *asked, "--json")
        assert json.loads(out)["services"][0]["service"] == "shop"
        assert "a secret for the tests" not in (await ask(f"{it.admin}/api/settings"))[1]
