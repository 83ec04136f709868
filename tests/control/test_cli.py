"""The command as a person types it, beside a Limpet that runs."""

import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner, Result

from control.cli import full_name, main
from tests.control.process import ROOT, Limpet, command, configuration, running


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


async def limpet_says(limpet: Limpet, folder: Path, *arguments: str) -> tuple[int, str, str]:
    url = f"http://127.0.0.1:{await limpet.admin_port()}"
    name, *rest = arguments
    return await command(folder, name, "--admin", url, *rest)


def both() -> str:
    """Two services that have a node of the same name."""
    nodes = [{"name": name, "url": f"http://127.0.0.1:{port}"} for port, name in enumerate("ab", 1)]
    services = {"shop": {"nodes": nodes}, "mail": {"nodes": nodes[:1]}}
    return configuration(
        [], services=services, routes=[{"service": "shop"}, {"service": "mail", "path": "/m"}]
    )


async def test_a_node_is_drained_and_taken_back(tmp_path: Path) -> None:
    async with running(tmp_path, both()) as limpet:
        code, out, _ = await limpet_says(limpet, tmp_path, "drain", "b")
        assert (code, " drain " in out, "drained, by the operator" in out) == (0, True, True)
        await limpet.says('service=shop node=b from=up to=drain why="drained, by the operator"')
        code, out, _ = await limpet_says(limpet, tmp_path, "maint", "shop/b")
        assert (code, " maint " in out) == (0, True)
        code, out, _ = await limpet_says(limpet, tmp_path, "ready", "shop/b")
        assert (code, " up " in out) == (0, True)
        code, out, _ = await limpet_says(limpet, tmp_path, "status", "--json")
        assert [node["state"] for node in json.loads(out)["nodes"]] == ["up"] * 3
        code, _, err = await limpet_says(limpet, tmp_path, "drain", "a")
        assert (code, "say which of shop/a, mail/a" in err) == (2, True)
        code, _, err = await limpet_says(limpet, tmp_path, "drain", "b", "--deadline", "soon")
        assert (code, "must be a duration" in err) == (2, True)


async def test_a_cookie_is_explained(tmp_path: Path) -> None:
    async with running(tmp_path, configuration([1])) as limpet:
        code, _, err = await limpet_says(limpet, tmp_path, "explain", "garbage")
        assert (code, "no service knows it" in err) == (1, True)
        for session_id in ("A" * 22, "-c" + "A" * 20, "--" + "A" * 20):
            code, out, _ = await limpet_says(limpet, tmp_path, "explain", session_id)
            assert code == 0
            assert "would go to         a (new)" in out


async def test_the_token_comes_from_the_environment(tmp_path: Path) -> None:
    token = "a token for the tests"
    config = configuration([1], admin={"listen": "127.0.0.1:0", "token": token})
    async with running(tmp_path, config) as limpet:
        url = f"http://127.0.0.1:{await limpet.admin_port()}"
        code, _, err = await command(tmp_path, "status", "--admin", url)
        assert (code, "LIMPET_ADMIN_TOKEN" in err) == (1, True)
        code, out, _ = await command(tmp_path, "status", "--admin", url, env={"LIMPET_ADMIN_TOKEN": token})
        assert (code, "shop" in out) == (0, True)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
            assert response.status == 401


@pytest.mark.parametrize(
    "arguments",
    [
        *(("explode",), ("drain",), ("run", "--fast"), ("demo", "--port", "x")),
        *(("drain", "--wait", "--timeout", "-1", "a"), ("drain", "--timeout", "5", "a")),
        *(("status", "--interval", "2"), ("status", "--watch", "--interval", "0"), ("completion", "tcsh")),
        *(("contract", "http://127.0.0.1:1"), ("contract", "ftp://x", "--key", "k")),
    ],
)
def test_usage_errors_are_2(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_the_list_of_commands_is_whole_sentences_and_all_are_documented() -> None:
    listed = invoke("--help").output.split("Commands:\n")[1].splitlines()
    assert len(listed) >= 10
    assert not [line for line in listed if line.endswith("...")]
    table = (ROOT / "docs" / "operating.md").read_text().split("## Starting and stopping")[0]
    for name in (line.split()[0] for line in listed):
        assert f"`limpet {name} " in table or f"`limpet {name}`" in table, name
        assert invoke(name, "--help").exit_code == 0


def test_no_file_is_2_where_one_is_needed() -> None:
    result = invoke("status", "-c", "/nowhere")
    assert result.exit_code == 2
    assert "/nowhere: cannot be read: No such file or directory\n(or give --admin URL)" in result.stderr


NODES = [{"service": "shop", "node": "a"}, {"service": "shop", "node": "b"}, {"service": "mail", "node": "a"}]


@pytest.mark.parametrize(
    ("named", "found"), [("b", ("shop", "b")), ("shop/a", ("shop", "a")), ("mail/a", ("mail", "a"))]
)
def test_a_node_is_named_by_itself_or_with_its_service(named: str, found: tuple[str, str]) -> None:
    assert full_name(named, NODES) == found


@pytest.mark.parametrize("named", ["a", "c", "mail/b", "x/a", "/b", ""])
def test_a_name_that_fits_none_or_several(named: str) -> None:
    with pytest.raises(Exception, match=r"there is no node|several services"):
        full_name(named, NODES)


def test_it_starts_without_what_only_the_server_needs() -> None:
    heavy = ("aiohttp", "pydantic", "rich", "yaml", "uvloop")
    code = f"import sys, control.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
