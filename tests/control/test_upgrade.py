"""Another process takes the running one's place: nobody is refused, and the old one ends with its clients."""

import asyncio
import contextlib
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.control.crowd import Member, crowd, crowd_nodes, many_files
from tests.control.process import command, configuration, eventually
from tests.control.test_reload import Reloaded, ask, nodes, reloadable

MEMBERS, TUNNELS = 300, 20


def alive(pid: int) -> bool:
    """Whether it runs: one that has ended stays in the table until somebody asks for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@asynccontextmanager
async def upgraded(it: Reloaded, folder: Path) -> AsyncIterator[int]:
    """The new process's id; it is ended afterwards."""
    code, out, err = await command(folder, "upgrade", "--admin", it.admin)
    assert code == 0, err
    pid = int(re.search(r"process (\d+) serves", out)[1])
    try:
        yield pid
        os.kill(pid, signal.SIGTERM)
        await eventually(lambda: not alive(pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_a_crowd_notices_nothing(tmp_path: Path) -> None:
    with many_files(4096):
        async with crowd_nodes(3) as ports, reloadable(tmp_path, configuration(ports)) as it:
            port = int(it.url.rpartition(":")[2])
            async with crowd(port, MEMBERS) as members, crowd(port, TUNNELS) as tunnels:
                await asyncio.gather(*(tunnel.open_tunnel() for tunnel in tunnels))
                over = asyncio.Event()
                asking = [asyncio.create_task(go_on(member, port, over)) for member in members]
                async with upgraded(it, tmp_path):
                    await asyncio.gather(*(tunnel.echo(b"words" * 100) for tunnel in tunnels))
                    asked = [len(member.places) for member in members]
                    await eventually(
                        lambda: all(len(m.places) > a + 1 for m, a in zip(members, asked, strict=True))
                    )
                    over.set()
                    await asyncio.gather(*asking)
                    assert it.limpet.process.returncode is None, "it has tunnels"
                    await asyncio.gather(*(tunnel.close() for tunnel in tunnels))
                    assert await it.limpet.ended() == 0
                    await asyncio.gather(*(member.ask() for member in members))
            assert [one.failures for one in (*members, *tunnels) if one.failures] == []
            assert [one.places for one in members if len(set(one.places)) > 1] == []
            assert "cut off" not in it.limpet.err


async def go_on(member: Member, port: int, over: asyncio.Event) -> None:
    """Ask again and again, on another connection where the answer said that this one ends."""
    while not over.is_set():
        await member.ask()
        if member.closing:
            await member.connect(port)
        await asyncio.sleep(0.05)


async def test_what_operators_asked_of_nodes_and_the_unix_socket_go_along(tmp_path: Path) -> None:
    listen = ["127.0.0.1:0", f"unix:{tmp_path}/limpet.sock"]
    async with nodes(2) as ports, reloadable(tmp_path, configuration(ports, listen=listen)) as it:
        await ask(f"{it.admin}/api/services/shop/nodes/a/maint", method="POST")
        async with upgraded(it, tmp_path) as pid:
            assert await it.limpet.ended() == 0
            assert pid != it.limpet.process.pid
            assert {(await ask(it.url))[1] for _ in range(10)} == {"1"}
            connector = aiohttp.UnixConnector(f"{tmp_path}/limpet.sock")
            async with aiohttp.ClientSession(connector=connector) as client, client.get("http://x/") as a:
                assert await a.text() == "1"
            facts = json.loads((await ask(f"{it.admin}/api/nodes"))[1])["nodes"]
            assert [fact["mode"] for fact in facts] == ["maint", "ready"]


async def test_a_new_process_that_cannot_serve_changes_nothing(tmp_path: Path) -> None:
    async with nodes(1) as ports, reloadable(tmp_path, configuration(ports)) as it:
        it.write("services: {")
        code, _, err = await command(tmp_path, "upgrade", "--admin", it.admin)
        assert code == 1
        assert "the new process ended with 2" in err
        it.limpet.signal(signal.SIGUSR2)
        await it.limpet.says("no upgrade: the new process ended with 2")
        assert (await ask(it.url))[:2] == (200, "0")
        assert it.limpet.process.returncode is None
