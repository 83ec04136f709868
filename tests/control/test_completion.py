"""What a shell completes."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from control.cli import main
from control.completion import SHELLS, VARIABLE
from tests.control.process import command, configuration, running


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in done.output


def test_bash_takes_its_script() -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).output
    assert subprocess.run(["bash", "-n"], input=script, text=True, timeout=60, check=False).returncode == 0


async def completed(folder: Path, line: str) -> list[str]:
    """What bash is told for this line, the last word of it unfinished."""
    words = line.split(" ")
    env = {VARIABLE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    _, out, _ = await command(folder, env=env)
    return [each.partition(",")[2] for each in out.splitlines() if each]


async def test_commands_and_the_names_of_nodes_that_are_there(tmp_path: Path) -> None:
    async with running(tmp_path, configuration([1, 2])) as limpet:
        url = f"http://127.0.0.1:{await limpet.admin_port()}"
        assert await completed(tmp_path, "limpet dr") == ["drain"]
        assert await completed(tmp_path, f"limpet drain --admin {url} sh") == ["shop/a", "shop/b"]
        assert await completed(tmp_path, f"limpet drain --admin {url} b") == ["b"]
        assert await completed(tmp_path, f"limpet explain --admin {url} --service s") == ["shop"]
    assert await completed(tmp_path, f"limpet drain --admin {url} sh") == []
