"""The SDK stands alone: an app server installs it and nothing else."""

import ast
import sys
from pathlib import Path

import limpet_session

SOURCE = Path(limpet_session.__file__).parent
FRAMEWORKS = {
    "aiohttp": {"aiohttp", "aiohttp_session", "multidict"},
    "django": {"django"},
    "flask": {"flask"},
}


def imported(source: str) -> set[str]:
    """The top-level names that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else (node.module or "").split(".")[0])
    return names


def test_it_imports_nothing_but_the_standard_library_and_a_shell_its_framework() -> None:
    files = sorted(SOURCE.rglob("*.py"))
    assert len(files) > 10
    found = {file.stem: imported(file.read_text()) for file in files}
    foreign = {name: names - sys.stdlib_module_names - {"limpet_session"} for name, names in found.items()}
    assert {name: names for name, names in foreign.items() if names} == FRAMEWORKS
    assert "pickle" not in set().union(*found.values())


def test_only_the_shells_do_io() -> None:
    users = {file.stem for file in SOURCE.rglob("*.py") if imported(file.read_text()) & {"asyncio", "socket"}}
    assert users == {"loop_shell", "address", "endpoint_server", "loop_server", "neighbours"}
