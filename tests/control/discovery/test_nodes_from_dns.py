"""A running Limpet whose nodes are what DNS and files say. Real processes, and a real DNS server."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.control.discovery.dnsmasq import NAME, Dnsmasq, dnsmasq, same_port
from tests.control.process import configuration, running
from tests.control.session_node import KEY
from tests.control.shop import NodeProcess, Shop, counting
from tests.control.test_reload import Reloaded, ask, becoming, reloadable

HEALTH = {"path": "/healthz", "interval": "500ms", "timeout": "500ms", "fall": 20}
HOSTS = [f"127.0.1.{number}" for number in range(1, 4)]


def file(discover: dict[str, Any] | None, **service: Any) -> str:
    text = json.loads(configuration([], node_keys=[KEY] if "sessions" in service else []))
    text["services"]["shop"] = {**({"discover": discover} if discover else {}), **service}
    return json.dumps(text)


def looking(dns: Dnsmasq, port: int) -> dict[str, Any]:
    return {"dns": NAME, "port": port, "resolvers": dns.resolver, "at_least": "100ms", "at_most": "1s"}


def targets(target: str, **labels: str) -> str:
    return json.dumps([{"targets": [target], "labels": labels}])


async def facts(it: Reloaded) -> dict[str, Any]:
    answer = json.loads((await ask(f"{it.admin}/api/services"))[1])
    found: dict[str, Any] = answer["discovery"][0]
    return found


async def names(it: Reloaded) -> set[str]:
    return {fact["node"] for fact in json.loads((await ask(f"{it.admin}/api/nodes"))[1])["nodes"]}


async def members(it: Reloaded) -> set[str]:
    """The nodes that take new sessions."""
    facts = json.loads((await ask(f"{it.admin}/api/nodes"))[1])["nodes"]
    return {fact["node"] for fact in facts if fact["state"] == "up"}


@asynccontextmanager
async def apps(hosts: list[str]) -> AsyncIterator[int]:
    """An app at each of these addresses; their port."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="here")

    app, port = web.Application(), same_port(hosts)
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        for host in hosts:
            await web.TCPSite(runner, host, port).start()
        yield port
    finally:
        await runner.cleanup()


async def test_nodes_are_what_dns_says_and_never_none(tmp_path: Path) -> None:
    with dnsmasq(tmp_path) as dns:
        async with apps(HOSTS) as port, reloadable(tmp_path, file(looking(dns, port))) as it:
            discover = looking(dns, port)
            # Nobody is known yet.
            assert (await ask(it.url))[0] == 503
            assert await it.count('limpet_discovery_up{service="shop"}') == 0
            assert (await ask(f"{it.admin}/readyz"))[0] == 503
            assert "does not exist" in (await facts(it))["problem"]

            dns.has(*HOSTS[:2])
            await becoming(lambda: names(it), {f"{host}:{port}" for host in HOSTS[:2]}.__eq__)
            assert (await ask(it.url))[0] == 200
            assert await it.count('limpet_discovery_up{service="shop"}') == 1
            assert await it.count('limpet_discovery_nodes{service="shop"}') == 2

            # One leaves, another comes.
            users = [await ask(it.url) for _ in range(9)]
            dns.has(*HOSTS[1:3])
            await it.limpet.says(f"nodes found: .127.0.1.3:{port} -127.0.1.1:{port}")
            await it.limpet.says(f"node=127.0.1.1:{port} from=up to=drain why=.no longer found")
            # Its sessions have nowhere to go with their state, and it still answers.
            assert {(await ask(it.url, cookie))[2] for _, _, cookie in users} == {""}

            # It forgets them all: Limpet does not.
            dns.has()
            await becoming(lambda: facts(it), lambda fact: not fact["up"])
            await it.limpet.says("does not exist: app.test; keeping the 2 nodes that were found")
            assert await it.count('limpet_discovery_nodes{service="shop"}') == 2
            assert {(await ask(it.url))[0] for _ in range(9)} == {200}
            loading = await it.reload(file({**discover, "dns": "other.test"}, on_unavailable="strict"))
            assert loading["ok"]
            assert {f"{host}:{port}" for host in HOSTS[1:3]} < await names(it)

            # Another place to look in.
            listed = tmp_path / "nodes.json"
            listed.write_text(targets(f"127.0.1.1:{port}", limpet_name="one"))
            assert (await it.reload(file({"files": "nodes.json"})))["ok"]
            await becoming(lambda: members(it), {"one"}.__eq__)
            beside = tmp_path / "new"
            beside.write_text(targets(f"127.0.1.3:{port}"))
            beside.rename(listed)
            await becoming(lambda: members(it), {f"127.0.1.3:{port}"}.__eq__)

            # And none.
            own = [{"name": "own", "url": f"http://127.0.1.2:{port}"}]
            assert (await it.reload(file(None, nodes=own)))["ok"]
            await becoming(lambda: members(it), {"own"}.__eq__)
            assert "limpet_discovery_up{" not in await it.metrics()


async def test_a_scale_down_by_dns_loses_nothing_nor_does_a_pod_that_dies_first(tmp_path: Path) -> None:
    port = same_port(HOSTS)
    with ExitStack() as opened:
        nodes = [NodeProcess(False, host, port) for host in HOSTS]
        for each in nodes:
            opened.callback(each.kill)
        dns = opened.enter_context(dnsmasq(tmp_path))
        dns.has(*HOSTS)
        discover = looking(dns, port)
        sessions = {"strategy": "replication"}
        async with running(tmp_path, file(discover, sessions=sessions, health=HEALTH)) as limpet:
            shop = Shop(limpet, nodes, await limpet.port(), await limpet.admin_port())
            async with counting(shop, 20) as clients:
                for client in clients:
                    await client.add()
                dns.has(*HOSTS[1:3])  # the first is drained, and lives on until that is done
                await limpet.says(f"node gone: service=shop node=127.0.1.1:{port}")
                nodes[0].kill()
                for client in clients:
                    await client.add()
                nodes[1].kill()
                dns.has(*HOSTS[2:])
                for client in clients:
                    await client.add()
                assert {client.acknowledged for client in clients} == {3}
                assert [each.wrong + each.failed for each in clients if each.wrong or each.failed] == []
            assert await shop.sum("limpet_sessions_lost_total") == 0
