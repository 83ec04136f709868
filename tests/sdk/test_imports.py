"""The SDK stands alone: an app server installs it and nothing else."""

import ast
import sys
from pathlib import Path

import limpet_session

SOURCE = Path(limpet_session.__file__).parent


def imported(source: str) -> set[str]:
    """The top-level names that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else (node.module or "").split(".")[0])
    return names


def test_it_imports_nothing_but_the_standard_library() -> None:
    files = sorted(SOURCE.rglob("*.py"))
    assert len(files) > 10
    found = set().union(*(imported(file.read_text()) for file in files))
    assert found - sys.stdlib_module_names == {"limpet_session"}
    assert "pickle" not in found


def test_only_the_shells_do_io() -> None:
    users = {file.stem for file in SOURCE.rglob("*.py") if imported(file.read_text()) & {"asyncio", "socket"}}
    assert users == {"loop_shell"}
