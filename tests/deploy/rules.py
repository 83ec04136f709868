"""The rules that operators give to Prometheus, read as data."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"


def rules(file: str) -> list[dict[str, Any]]:
    """All rules of a file in deploy/prometheus."""
    groups = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return rules("alerts.yml")


def recorded() -> list[dict[str, Any]]:
    return rules("recording.yml")
