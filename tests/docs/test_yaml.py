"""Every YAML block of every page is what it looks like: a Limpet configuration, or a part of one, loads."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.discovery_settings import Discover
from config.loading import load
from config.problems import ConfigError
from config.settings import Listener, Node, Service, Settings
from control.discovery.targets import nodes_of_text
from tests.docs.pages import Block, blocks

NODES = [{"name": "a", "url": "http://127.0.0.1:9001"}, {"name": "b", "url": "http://127.0.0.1:9002"}]
SECRETS = ("LIMPET_SECRET", "LIMPET_NODE_KEY", "LIMPET_ADMIN_TOKEN", "LIMPET_OLD_SECRET")
ENV = {name: f"a-long-enough-{name}" for name in SECRETS} | {
    "CREDENTIALS_DIRECTORY": "/run/credentials/limpet"
}
FOREIGN = {"http"}  # Traefik's
PROMETHEUS = {"scrape_configs", "alerting", "groups"}


def names(model: type[Any]) -> set[str]:
    """The options of a section, as the file has them."""
    return {info.alias or name for name, info in model.model_fields.items()}


def whole(loaded: Any) -> dict[str, Any]:
    """A file of which the block is a part, or the block where it is a whole one. Fails if it is neither."""
    if isinstance(loaded, list):
        if all(each.keys() <= names(Node) for each in loaded):
            return whole({"nodes": loaded, "sessions": {"strategy": "affinity", "contract": True}})
        return whole({"listen": loaded})
    if loaded.keys() <= names(Listener):
        return whole({"listen": loaded})
    if loaded.keys() <= names(Service):
        return whole({"services": {"shop": {"nodes": NODES} | loaded}})
    assert loaded.keys() <= names(Settings), f"nothing of Limpet's has {loaded.keys() - names(Settings)}"
    named = {route["service"] for route in loaded.get("routes", [])} or {"shop"}
    file = {"services": {name: {"nodes": NODES} for name in named}} | loaded
    kept = [service.get("sessions", {}) for service in file["services"].values()]
    if any(each.get("contract") or each.get("strategy") in ("replication", "store") for each in kept):
        file.setdefault("node_keys", ["${LIMPET_NODE_KEY}"])
    return file


def complaints(file: dict[str, Any], folder: Path) -> list[str]:
    """What is wrong with it, but for files that the reader is to have."""
    (folder / "proxy.yaml").write_text(yaml.safe_dump(file))
    try:
        load(folder / "proxy.yaml", ENV)
    except ConfigError as error:
        return [line for line in str(error).splitlines() if "no such file" not in line.lower()]
    return []


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_it_loads(block: Block, tmp_path: Path) -> None:
    loaded = yaml.safe_load(block.text)
    keys = set(loaded) if isinstance(loaded, dict) else set()
    if isinstance(loaded, list) and all("targets" in each for each in loaded):
        assert nodes_of_text(Discover(files=("nodes.yml",)), block.text, is_json=False)
    elif keys and keys <= PROMETHEUS:
        prometheus_takes(block.text, tmp_path)
    elif not keys or not keys <= FOREIGN:
        assert complaints(whole(loaded), tmp_path) == []


def prometheus_takes(text: str, folder: Path) -> None:
    (folder / "prometheus.yml").write_text(text)
    told = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", "prometheus.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("text", ["sesions: {}", "affinity: {mode: sticky}", "- {nam: a, url: 'http://a'}"])
def test_a_mistake_would_be_seen(text: str, tmp_path: Path) -> None:
    loaded = yaml.safe_load(text)
    try:
        assert complaints(whole(loaded), tmp_path)
    except AssertionError as error:
        assert "nothing of Limpet's has" in str(error)
