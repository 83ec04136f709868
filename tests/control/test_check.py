"""`limpet check`: what it prints where, and its exit code."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from control.cli import main
from tests.control.process import configuration


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_check_says_that_a_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(configuration([1, 2]))
    result = invoke("check", "-c", str(tmp_path / "proxy.yaml"))
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path}/proxy.yaml is fine: 1 service, 2 nodes, 1 route\n"


def test_check_tells_all_mistakes(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("services: {shop: {nodes: []}}\nlisten: 80\nport: 1\n")
    result = invoke("check", "-c", str(tmp_path / "proxy.yaml"))
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 3)


def test_check_warns(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(configuration([1], secrets=[]))
    result = invoke("check", "-c", str(tmp_path / "proxy.yaml"))
    assert result.exit_code == 0
    assert "several proxies need the same one" in result.stderr


def test_the_schema_is_printed_without_a_file() -> None:
    result = invoke("check", "--schema", "-c", "/nowhere")
    assert result.exit_code == 0
    assert "services" in json.loads(result.stdout)["properties"]
