"""A process says what it runs: its version, and whether the byte path is compiled, as it is in this one."""

import platform
from pathlib import Path

import aiohttp

from control.build import compiled, named, version
from tests.control.process import command, running


async def test_a_proxy_says_what_it_runs(tmp_path: Path) -> None:
    async with running(tmp_path) as limpet:
        url = f"http://127.0.0.1:{await limpet.admin_port()}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            exposition = await response.text()
        assert f"Limpet {named()}" in limpet.err
    labels = (
        f'compiled="{str(compiled()).lower()}",python="{platform.python_version()}",version="{version()}"'
    )
    assert f"limpet_build_info{{{labels}}} 1.0" in exposition


async def test_the_command_says_it_too(tmp_path: Path) -> None:
    code, out, _ = await command(tmp_path, "--version")
    assert code == 0
    assert out.endswith(f" {named()}\n")
