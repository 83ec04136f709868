"""Prometheus' own tool takes configuration and rules, and each alert fires when it should and not before."""

import re
import subprocess
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from tests.deploy.rules import PROMETHEUS, ROOT, alerts

ANCHORS = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.M))


def promtool(*arguments: str, folder: Path = PROMETHEUS) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "arguments", [("check", "config", "prometheus.yml"), ("test", "rules", "tests.yml")], ids=" ".join
)
def test_promtool_is_content(arguments: tuple[str, ...]) -> None:
    told = promtool(*arguments)
    assert told.returncode == 0, told.stdout + told.stderr


def test_each_alert_is_tried_in_both_directions() -> None:
    tried: dict[str, set[bool]] = {}
    for test in yaml.safe_load((PROMETHEUS / "tests.yml").read_text())["tests"]:
        for case in test["alert_rule_test"]:
            tried.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    assert tried == {alert["alert"]: {True, False} for alert in alerts()}


def test_a_rule_that_never_fires_is_noticed(tmp_path: Path) -> None:
    folder = Path(copytree(PROMETHEUS, tmp_path / "prometheus"))
    file = folder / "alerts.yml"
    file.write_text(file.read_text().replace('state="down"} == 1', 'state="down"} == 2'))
    told = promtool("test", "rules", "tests.yml", folder=folder)
    assert told.returncode != 0
    assert "LimpetNodeDown" in told.stdout + told.stderr


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, dict[str, str]]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    file, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert file == "docs/runbooks.md"
    assert anchor == str(alert["alert"]).lower()
    assert alert["alert"] in ANCHORS


def test_each_section_of_the_runbooks_has_its_alert() -> None:
    assert {alert["alert"] for alert in alerts()} == ANCHORS
