"""The wheel, installed into an environment that has what it asks for and nothing else, is a whole Limpet.

The packages that it asks for are those of the environment of the tests: fetching them takes a minute.
"""

import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from packaging.requirements import Requirement

from tests.deploy.rules import ROOT
from tests.examples.running import free_port, running

PATIENCE_SECONDS = 300  # packages may have to be fetched
NOT_SOURCES = (".*", "__pycache__", "*.egg-info", "build", "dist", "node_modules", "tests", "docs", "bench")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of a copy, since a build leaves files beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = copytree(ROOT, folder / "sources", ignore=ignore_patterns(*NOT_SOURCES))
    build = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist")
    call(folder, sys.executable, "-m", "pip", *build, str(sources))
    return next((folder / "dist").glob("limpet-*.whl"))


def call(folder: Path, *command: str) -> str:
    """What a command says; fails with all of it where that is not well."""
    told = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        named = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(named).decode()
    return [Requirement(line) for line in message_from_string(text).get_all("Requires-Dist", [])]


def lend(site: Path, wanted: Requirement, extra: str, lent: set[tuple[str, str]]) -> None:
    """Link a package, and all that it requires, into `site`. `extra`: the one for which it is wanted."""
    if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
        return
    found = metadata.distribution(wanted.name)
    link(found, site)
    for part in {"", *wanted.extras} - {part for name, part in lent if name == wanted.name}:
        lent.add((wanted.name, part))
        for line in found.requires or []:
            lend(site, Requirement(line), part, lent)


def link(found: metadata.Distribution, site: Path) -> None:
    for top in {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(found.locate_file(top))))


def test_nothing_is_left_out(wheel: Path) -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    needed = {
        str(file.relative_to(ROOT))
        for top in {name.partition(".")[0] for name in packages}
        for file in (ROOT / top).rglob("*")
        if "__pycache__" not in file.parts and file.is_file() and file.suffix != ".so"
    }
    assert needed <= set(zipfile.ZipFile(wheel).namelist())


def test_it_runs_with_nothing_but_what_it_asks_for(wheel: Path, tmp_path: Path) -> None:
    call(tmp_path, sys.executable, "-m", "venv", "--without-pip", "fresh")
    install = ("install", "--quiet", "--no-deps", "--no-compile", str(wheel))
    call(tmp_path, sys.executable, "-m", "pip", "--python", "fresh/bin/python", *install)
    site = next((tmp_path / "fresh").glob("lib/python*/site-packages"))
    for each in requirements(wheel):
        lend(site, each, "", set())
    limpet, admin, file = str(tmp_path / "fresh" / "bin" / "limpet"), free_port(), tmp_path / "proxy.yaml"
    file.write_text(
        f"listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:{admin}}}\n"
        "services: {shop: {nodes: [{name: a, url: 'http://127.0.0.1:9'}]}}\n"
    )
    assert "limpet, version " in call(tmp_path, limpet, "--version")
    assert "is fine: 1 service, 1 node" in call(tmp_path, limpet, "check")
    with running([limpet, "run", "-c", str(file)], tmp_path / "log") as process:
        process.serves(f"http://127.0.0.1:{admin}/healthz")
        assert "shop" in call(tmp_path, limpet, "status")
        assert process.stop() == 0
    ports = ("--port", str(free_port()), "--admin-port", str(free_port()))
    refused = subprocess.run(
        [limpet, "demo", *ports], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (refused.returncode, "pip install 'limpet[demo]'" in refused.stdout) == (1, True)
    for each in requirements(wheel):
        lend(site, each, "demo", set())
    assert "Lost: 0" in call(tmp_path, limpet, "demo", *ports)


def test_make_demo_installs_what_the_demo_needs() -> None:
    told = call(ROOT, "make", "--dry-run", "demo", "VENV=none")
    (extra,) = re.findall(r"--editable '\.\[(.+)\]' --editable sdk/python\n", told)
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][extra]
    assert {Requirement(each).name for each in asked} == {"limpet-session", "uvicorn"}
