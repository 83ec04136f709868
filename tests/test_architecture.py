"""Who may import whom: the arrows of the house point one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = {"config", "routing", "sessions", "proxy", "control"}
MAY_IMPORT = {
    "config": set(),
    "routing": set(),
    "sessions": {"routing"},
    "proxy": {"routing", "sessions"},
    "control": {"config", "routing", "sessions", "proxy"},
}
EXCEPTIONS = {("proxy/__main__.py", "control")}
PURE = {"routing"}
IMPURE_MODULES = {"asyncio", "socket", "time", "random", "os", "threading", "secrets", "aiohttp", "uvloop"}


def imported(source: str) -> Iterator[str]:
    """The top-level names that a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def violations(package: str, path: str, source: str) -> list[str]:
    """The imports in one file that the table does not allow."""
    names = set(imported(source))
    wrong = (names & PACKAGES) - MAY_IMPORT[package] - {package}
    wrong -= {name for file, name in EXCEPTIONS if file == path}
    if package in PURE:
        wrong |= names & IMPURE_MODULES
    return [f"{path} imports {name}" for name in sorted(wrong)]


def test_every_arrow_points_one_way() -> None:
    found = [
        line
        for package in sorted(PACKAGES)
        for file in sorted((ROOT / package).rglob("*.py"))
        for line in violations(package, str(file.relative_to(ROOT)), file.read_text())
    ]
    assert found == []


def test_a_planted_violation_is_seen() -> None:
    assert violations("routing", "routing/x.py", "from config.settings import Node") == [
        "routing/x.py imports config"
    ]
    assert violations("routing", "routing/x.py", "import time") == ["routing/x.py imports time"]
    assert violations("proxy", "proxy/site.py", "import control.cli") == ["proxy/site.py imports control"]
    assert violations("proxy", "proxy/__main__.py", "import control.cli") == []
