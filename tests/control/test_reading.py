"""What another process reads is what this one would have: settings, rings, and all that is wrong."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from config.problems import ConfigError
from control.placing import place_nodes
from control.reading import GROUP, read


def written(folder: Path, **services: Any) -> str:
    file = folder / "proxy.yaml"
    file.write_text(
        json.dumps(
            {"secrets": ["${SECRET_OF_A_TEST}"], "services": services, "routes": [{"service": "shop"}]}
        )
    )
    return str(file)


def nodes(count: int) -> list[dict[str, Any]]:
    return [
        {"name": f"n{i}", "url": f"http://127.0.0.1:{9001 + i}", "weight": 1 + i % 3} for i in range(count)
    ]


async def test_settings_and_rings_come_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_A_TEST", "a secret for the tests, long enough")
    shop = {
        "nodes": nodes(2 * GROUP + 1),
        "sessions": {"strategy": "affinity"},
        "balance": {"points": 70},
        "timeouts": {"connect": "3s"},
    }
    path = written(tmp_path, shop=shop, blog={"nodes": nodes(1)})
    said = await read(path)
    assert said.settings == load(path, {"SECRET_OF_A_TEST": "a secret for the tests, long enough"})
    assert list(said.settings.services) == ["shop", "blog"]
    assert dict(said.placed) == {name: place_nodes(each) for name, each in said.settings.services.items()}


async def test_all_that_is_wrong_comes_as_it_is_told_at_the_start(tmp_path: Path) -> None:
    path = written(tmp_path, shop={"nodes": []}, blog={"nodes": nodes(1), "balance": {"points": "many"}})
    with pytest.raises(ConfigError) as expected:
        load(path, {})
    with pytest.raises(ConfigError) as found:
        await read(path)
    assert found.value.problems == expected.value.problems
    assert len(found.value.problems) > 1


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        await read(str(tmp_path / "none.yaml"))


async def test_a_reader_that_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ConfigError, match=r"proxy\.yaml: cannot be read: its reader ended early"):
        await read(str(tmp_path / "proxy.yaml"))


async def test_no_folder_where_the_operator_stands_is_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "__init__.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="services"):
        await read(written(tmp_path))
