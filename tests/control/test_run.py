"""The process from its first line to its last: real processes, real signals."""

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.control.process import command, configuration, eventually, running, start


class Node:
    """Holds each request until it is let go."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.let_go = asyncio.Event()
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.arrived.set()
        await self.let_go.wait()
        return web.Response(text="whole")


@asynccontextmanager
async def node(held: bool = False) -> AsyncIterator[Node]:
    it = Node()
    if not held:
        it.let_go.set()
    app = web.Application()
    app.router.add_get("/{path:.*}", it.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.port = site.port
    try:
        yield it
    finally:
        it.let_go.set()
        await runner.cleanup()


async def get(port: int, path: str = "/") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def test_serves_says_so_and_ends_when_told(tmp_path: Path) -> None:
    async with node() as app, running(tmp_path, configuration([app.port])) as limpet:
        assert await get(await limpet.port()) == (200, "whole")
        assert await get(await limpet.admin_port(), "/readyz") == (
            200,
            '{"status": "ready", "without_nodes": []}',
        )
        assert f"service shop: a (127.0.0.1:{app.port})" in limpet.err
        limpet.signal(signal.SIGTERM)
        assert await limpet.ended() == 0
        assert " shop/a new NIL 200 " in limpet.out


async def test_what_is_under_way_ends_within_the_grace(tmp_path: Path) -> None:
    async with node(held=True) as app, running(tmp_path, configuration([app.port])) as limpet:
        port, admin = await limpet.port(), await limpet.admin_port()
        asking = asyncio.create_task(get(port))
        await asyncio.wait_for(app.arrived.wait(), 60)
        limpet.signal(signal.SIGTERM)
        await limpet.says("stopping: up to 30 s")
        assert (await get(admin, "/readyz"))[0] == 503
        assert (await get(admin, "/healthz"))[0] == 200
        assert "limpet_connections 1.0" in (await get(admin, "/metrics"))[1]
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(port)
        assert limpet.process.returncode is None
        app.let_go.set()
        assert await asking == (200, "whole")
        assert await limpet.ended() == 0
        assert "cut off" not in limpet.err


async def test_an_idle_connection_delays_nothing(tmp_path: Path) -> None:
    async with node() as app, running(tmp_path, configuration([app.port])) as limpet:
        reader, writer = await asyncio.open_connection("127.0.0.1", await limpet.port())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"whole")
        limpet.signal(signal.SIGINT)
        assert await asyncio.wait_for(reader.read(), 60) == b""
        assert await limpet.ended() == 0
        assert "cut off" not in limpet.err
        writer.close()


async def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    async with node(held=True) as app, running(tmp_path, configuration([app.port])) as limpet:
        asking = asyncio.create_task(get(await limpet.port()))
        await asyncio.wait_for(app.arrived.wait(), 60)
        limpet.signal(signal.SIGTERM)
        await limpet.says("stopping")
        limpet.signal(signal.SIGTERM)
        assert await limpet.ended() == 0
        assert "cut off connections of clients: 1" in limpet.err
        assert " 0 " in limpet.out
        assert "fault=client_gone" in limpet.out
        with pytest.raises(aiohttp.ClientError):
            await asking


async def test_when_the_grace_is_over_it_ends_all_the_same(tmp_path: Path) -> None:
    async with node(held=True) as app:
        config = configuration([app.port], timeouts={"grace": "100ms"})
        async with running(tmp_path, config) as limpet:
            asking = asyncio.create_task(get(await limpet.port()))
            await asyncio.wait_for(app.arrived.wait(), 60)
            limpet.signal(signal.SIGTERM)
            assert await limpet.ended() == 0
            assert "cut off connections of clients: 1" in limpet.err
            with pytest.raises(aiohttp.ClientError):
                await asking


@pytest.mark.parametrize("which", ["listen", "admin"])
async def test_a_port_in_use_is_one_clear_line(tmp_path: Path, which: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        option: dict[str, Any] = {"listen": place} if which == "listen" else {"admin": {"listen": place}}
        async with running(tmp_path, configuration([1], **option)) as limpet:
            assert await limpet.ended() == 1
            lines = limpet.err.splitlines()
    assert [line for line in lines if line.startswith("limpet: ")] == [
        f"limpet: cannot listen on {place}: address already in use"
    ]
    assert "Traceback" not in limpet.err


async def test_systemd_hears_when_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        loop = asyncio.get_running_loop()

        async def heard() -> str:
            return (await asyncio.wait_for(loop.sock_recv(channel, 1000), 60)).decode()

        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
        async with running(tmp_path, **env) as limpet:
            assert (await heard()).startswith("READY=1\nSTATUS=serving")
            assert "serving on" in limpet.err or await limpet.says("serving on")
            assert await heard() == "WATCHDOG=1"
            assert await heard() == "WATCHDOG=1"
            limpet.signal(signal.SIGTERM)
            while (last := await heard()) == "WATCHDOG=1":
                pass
            assert last.startswith("STOPPING=1\n")
            assert await limpet.ended() == 0


async def test_without_secrets_it_makes_one_and_keeps_it(tmp_path: Path) -> None:
    config = configuration([1], secrets=[])
    kept = tmp_path / ".limpet" / "secret"
    made = []
    for _ in range(2):
        async with running(tmp_path, config) as limpet:
            await limpet.admin_port()
            assert "several proxies need the same one" in limpet.err
            assert kept.read_text().strip() not in limpet.err
            made.append(kept.read_text())
            limpet.signal(signal.SIGTERM)
            assert await limpet.ended() == 0
    assert made[0] == made[1]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_without_tokens_it_makes_no_secret(tmp_path: Path) -> None:
    service = {"nodes": [{"name": "a", "url": "http://127.0.0.1:1"}], "affinity": {"mode": "none"}}
    async with running(tmp_path, configuration([], secrets=[], services={"shop": service})) as limpet:
        await limpet.admin_port()
        assert not (tmp_path / ".limpet").exists()


async def test_a_kept_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".limpet").mkdir()
    (tmp_path / ".limpet" / "secret").write_text("a secret that everybody can read")
    (tmp_path / ".limpet" / "secret").chmod(0o644)
    async with running(tmp_path, configuration([1], secrets=[])) as limpet:
        assert await limpet.ended() == 2
        assert "chmod 600" in limpet.err


async def test_the_access_log_is_opened_anew_when_told(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    async with node() as app:
        config = configuration([app.port], access_log={"format": "json", "file": "access.log"})
        async with running(tmp_path, config) as limpet:
            port = await limpet.port()
            await get(port, "/first")
            await eventually(lambda: "/first" in log.read_text())
            log.rename(tmp_path / "access.log.1")
            limpet.signal(signal.SIGUSR1)
            await eventually(log.exists)
            await get(port, "/second")
            await eventually(lambda: "/second" in log.read_text())
            line = json.loads(log.read_text())
            assert (line["target"], line["status"], line["flags"]) == ("/second", 200, "NIL")
            assert "/second" not in (tmp_path / "access.log.1").read_text()


async def test_a_signal_to_open_the_log_harms_nobody_without_one(tmp_path: Path) -> None:
    async with node() as app:
        config = configuration([app.port], access_log={"format": "off"})
        async with running(tmp_path, config) as limpet:
            port = await limpet.port()
            limpet.signal(signal.SIGUSR1)
            assert (await get(port))[0] == 200
            limpet.signal(signal.SIGTERM)
            assert await limpet.ended() == 0
            assert limpet.out == ""


async def test_a_full_disk_stops_no_request(tmp_path: Path) -> None:
    async with node() as app:
        config = configuration([app.port], access_log={"file": "/dev/full"})
        async with running(tmp_path, config) as limpet:
            port = await limpet.port()
            assert await get(port) == (200, "whole")
            await limpet.says("lines of the access log are lost: No space left on device")
            assert await get(port) == (200, "whole")


async def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    config = "services:\n  shop:\n    nodes: [{name: a, url: 'ftp://x', weight: 0}]\n    balanse: {}\n"
    async with running(tmp_path, config) as limpet:
        assert await limpet.ended() == 2
        lines = limpet.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("proxy.yaml:") for line in lines)
    assert "services.shop.nodes[0].weight: must be an integer from 1 to 1000, not 0" in limpet.err
    assert "did you mean `balance`?" in limpet.err


async def test_no_file(tmp_path: Path) -> None:
    code, _, err = await command(tmp_path, "run", "-c", "nowhere.yaml")
    assert (code, err.strip()) == (2, "nowhere.yaml: cannot be read: No such file or directory")


async def test_unix_sockets(tmp_path: Path) -> None:
    front, admin = str(tmp_path / "front.sock"), str(tmp_path / "admin.sock")
    async with node() as app:
        config = configuration([app.port], listen=f"unix:{front}", admin={"listen": f"unix:{admin}"})
        async with running(tmp_path, config) as limpet:
            await limpet.says("serving on unix:")
            await eventually(lambda: os.path.exists(admin))
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(front)) as session,
                session.get("http://shop.example/") as response,
            ):
                assert await response.text() == "whole"
            code, out, _ = await command(tmp_path, "status", "-c", str(tmp_path / "proxy.yaml"))
            assert (code, "shop" in out) == (0, True)


async def test_it_serves_many_services_soon(tmp_path: Path) -> None:
    services = {
        f"s{i}": {"nodes": [{"name": f"n{j}", "url": f"http://127.0.0.1:{j + 1}"} for j in range(5)]}
        for i in range(200)
    }
    routes = [{"service": name, "host": f"{name}.example"} for name in services]
    config = configuration([], services=services, routes=routes)
    async with running(tmp_path, config) as limpet:
        port = await limpet.admin_port()
        status, text = await get(port, "/metrics")
        assert (status, text.count("limpet_node_up{")) == (200, 1000)


async def test_python_m_proxy_is_the_command(tmp_path: Path) -> None:
    limpet = await start(tmp_path, "--help")
    assert await limpet.ended() == 0
    assert limpet.out.startswith("Usage: limpet ")
