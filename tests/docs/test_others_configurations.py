"""Configurations of other proxies in the pages are accepted by those proxies, where they are installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks

COMMANDS = {
    "haproxy": ["haproxy", "-c", "-f"],
    "nginx": ["nginx", "-p", ".", "-t", "-c"],
    "caddyfile": ["caddy", "adapt", "--adapter", "caddyfile", "--config"],
}


@pytest.mark.parametrize("block", blocks(*COMMANDS), ids=str)
def test_its_own_proxy_takes_it(block: Block, tmp_path: Path) -> None:
    command = COMMANDS[block.language]
    if not (program := shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")):
        pytest.skip(f"{command[0]} is not installed")
    file = tmp_path / "file"
    file.write_text(in_nginx(block.text) if block.language == "nginx" else block.text)
    told = subprocess.run(
        [program, *command[1:], str(file)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def in_nginx(text: str) -> str:
    """What belongs into `http`, in a file of its own that nobody else has open."""
    return f"pid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{text}}}\n"
