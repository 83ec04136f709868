"""Real files, written as people and programs write them."""

import json
import os
from pathlib import Path

import pytest

from config.discovery_settings import Discover
from control.discovery.file_source import FileSource
from control.discovery.source import DiscoveryError


def targets(*names: str) -> str:
    return json.dumps([{"targets": [f"{name}:80" for name in names]}])


def replace(path: Path, text: str) -> None:
    """As careful programs do."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.rename(path)


def source(*patterns: Path) -> FileSource:
    return FileSource(Discover(files=tuple(map(str, patterns))))


async def names(source: FileSource) -> list[str]:
    return [node.url.host for node in (await source.look()).nodes]


async def test_a_file_that_was_replaced_is_read_at_the_look_after_next(tmp_path: Path) -> None:
    file = tmp_path / "nodes.json"
    file.write_text(targets("a", "b"))
    it = source(file)
    assert await names(it) == ["a", "b"]
    replace(file, targets("b", "c"))
    assert await names(it) == ["a", "b"]
    assert await names(it) == ["b", "c"]


async def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "nodes.json"
    file.write_text(targets("a"))
    it = source(file)
    assert await names(it) == ["a"]
    whole = targets("b", "c")
    with file.open("w") as half:
        half.write(whole[:9])
        half.flush()
        assert await names(it) == ["a"]
        half.write(whole[9:])
    assert await names(it) == ["a"]
    assert await names(it) == ["b", "c"]


async def test_files_come_and_go_in_a_folder_and_by_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(targets("a"))
    (tmp_path / "README").write_text("not for Limpet")
    by_folder, by_pattern = source(tmp_path), source(tmp_path / "*.y*ml", tmp_path / "*.json")
    for it in (by_folder, by_pattern):
        assert await names(it) == ["a"]
    (tmp_path / "two.yml").write_text("- targets: ['b:80']\n")
    for it in (by_folder, by_pattern):
        assert [await names(it) for _ in range(2)] == [["a"], ["a", "b"]]
    (tmp_path / "one.json").unlink()
    for it in (by_folder, by_pattern):
        assert await names(it) == ["b"]


async def test_a_link_that_is_swapped_as_kubernetes_does_is_followed(tmp_path: Path) -> None:
    for version, name in ((1, "a"), (2, "b")):
        (tmp_path / f"v{version}").mkdir()
        (tmp_path / f"v{version}" / "nodes.json").write_text(targets(name))
    data, file = tmp_path / "data", tmp_path / "nodes.json"
    data.symlink_to("v1")
    file.symlink_to("data/nodes.json")
    it = source(file)
    assert await names(it) == ["a"]
    (tmp_path / "new").symlink_to("v2")
    (tmp_path / "new").rename(data)
    assert [await names(it) for _ in range(2)] == [["a"], ["b"]]


async def test_a_file_with_a_mistake_keeps_what_it_had(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.json", tmp_path / "b.json"
    good.write_text(targets("a"))
    bad.write_text(targets("b"))
    it = source(good, bad)
    assert await names(it) == ["a", "b"]
    bad.write_text("[{]")
    good.write_text(targets("c"))
    await it.look()
    found = await it.look()
    assert [node.url.host for node in found.nodes] == ["b", "c"]
    (problem,) = found.problems
    assert "b.json: line 1: is not JSON" in problem
    bad.write_text(targets("d"))
    await it.look()
    found = await it.look()
    assert ([node.url.host for node in found.nodes], found.problems) == (["c", "d"], ())


async def test_nothing_at_all_is_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "nodes.json"
    with pytest.raises(DiscoveryError, match=r"nodes\.json: cannot be read: No such file"):
        await source(file).look()
    with pytest.raises(DiscoveryError, match="they have no targets"):
        await source(tmp_path / "*.json").look()
    file.write_text("[]")
    with pytest.raises(DiscoveryError, match="they have no targets"):
        await source(file).look()
    file.write_bytes(b"[\xff]")
    with pytest.raises(DiscoveryError, match="is not UTF-8"):
        await source(file).look()
    os.truncate(file, 0)
    with pytest.raises(DiscoveryError, match="is not JSON"):
        await source(file).look()
