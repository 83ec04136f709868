"""The whole comparison as a person runs it: what it says is so, and nothing of it stays, however it ends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from control import extras
from control.cli import main
from control.compare import performance
from tests.control.compare.test_stores import kept
from tests.control.demo.test_performance import nothing_runs, running_in
from tests.examples.running import until
from tests.sessions.stores.processes import RedisProcess

PATIENCE_SECONDS = 120


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the comparison has its files. Not tmp_path: a unix socket's path has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="compared-") as name:
        yield Path(name)


@contextmanager
def comparison(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Its files, and so its processes, are known by `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", "compare", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder), "COLUMNS": "100"},
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        nothing_runs(folder)


def compared(folder: Path, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """All that was found, and the part of each strategy."""
    with comparison(folder, "--json", *arguments) as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, err
    told = json.loads(out)
    return told, {each["strategy"]: each for each in told["strategies"]}


def test_three_strategies_beside_each_other(tmp_path: Path, folder: Path) -> None:
    picture, page = tmp_path / "it.png", tmp_path / "it.html"
    drawn = ("--plot", str(picture), "--report", str(page))
    told, found = compared(folder, "--seconds", "8", "--sessions", "120", *drawn)
    assert list(found) == ["affinity", "replication", "store"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    lost = f"{found['affinity']['sessions_lost']} of 120 sessions lost"
    assert all(words in page.read_text() for words in (told["command"], told["machine"], lost))
    for name, each in found.items():
        assert each["sessions_lost"] == each["sessions_lost_metric"], name
        assert each["node_death"]["sessions"] > 0, name
        assert each["requests"] > 120 * 3, name
        assert each["reads"]["p50_ms"] < each["writes"]["p99_ms"], name
    assert found["affinity"]["sessions_lost"] == found["affinity"]["node_death"]["sessions"]
    assert found["affinity"]["writes_lost"] >= found["affinity"]["sessions_lost"]
    assert found["affinity"]["copied_bytes_per_write"] == 0
    for name in ("replication", "store"):
        assert (found[name]["sessions_lost"], found[name]["writes_lost"]) == (0, 0)
        assert found[name]["copied_bytes_per_write"] > 1000
    assert found["store"]["store_bytes_per_session"] > 1000
    outage = found["store"]["store_outage"]
    assert outage["unprotected"] > 0
    assert outage["recovered_seconds"] is not None
    assert found["replication"]["store_outage"]["unprotected"] == 0
    assert found["replication"]["node_death"]["copied_seconds"] is not None
    assert [event["what"] for event in told["events"] if "copies" not in event["what"]] == [
        "node b killed",
        "node b started",
        "all nodes up",
        "store gone",
        "store back",
        "store has all",
    ]
    assert list(folder.iterdir()) == []


def test_with_somebodys_redis(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redis = RedisProcess(tmp_path / "redis", "--save", "")
    try:
        asked = ("--seconds", "5", "--sessions", "60", "--strategies", "store", "--redis-env", "ITS_URL")
        monkeypatch.setenv("ITS_URL", redis.url)
        told, found = compared(folder, *asked)
        assert "the server was not touched" in told["store"]
        assert f"127.0.0.1:{redis.port}" in told["store"]
        assert (found["store"]["sessions_lost"], found["store"]["writes_lost"]) == (0, 0)
        assert found["store"]["store_outage"]["unprotected"] > 0
        assert kept(redis) == set()
    finally:
        redis.stop()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_ends_everything(folder: Path, number: signal.Signals) -> None:
    with comparison(folder, "--seconds", "600", "--sessions", "30") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "nothing happens" in line:
                break
        assert len(running_in(folder)) >= 4
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) in (130, -signal.SIGKILL)
        until(lambda: running_in(folder) == [], "everything has ended")
    if number == signal.SIGINT:
        assert list(folder.iterdir()) == []


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extras.missing("plot", "compare", "json") == ""
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "matplotlib" else object())
    for drawn in (["--plot", "x.png"], ["--report", "x.html"]):
        result = CliRunner().invoke(main, ["compare", *drawn])
        assert (result.exit_code, "pip install 'limpet[plot]'" in result.output) == (1, True)
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["compare"])
    assert (result.exit_code, "limpet_session and uvicorn" in result.output) == (1, True)
    assert "pip install 'limpet[compare]'" in result.output
    result = CliRunner().invoke(main, ["demo"])
    assert (result.exit_code, "pip install 'limpet[demo]'" in result.output) == (1, True)


def test_a_store_that_is_not_there_fails_with_a_sentence() -> None:
    result = CliRunner().invoke(main, ["compare", "--redis", "redis://:hunter2@127.0.0.1:1/0"])
    assert result.exit_code == 1
    assert "127.0.0.1:1: cannot connect" in result.output
    assert "hunter2" not in result.output


def test_the_command_can_be_repeated_and_tells_no_password() -> None:
    plan = performance.Plan(9, 50, ("store",), "redis://:hunter2@h:1/2")
    assert (
        performance.command(plan)
        == "limpet compare --seconds 9 --sessions 50 --strategies store --redis redis://***@h:1/2"
    )
