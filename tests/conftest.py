"""For all tests: the long ones come first; `--compiled` is refused where nothing is compiled."""

from importlib.util import find_spec

import pytest

# One of each package that setup.py compiles; all of them are in one library.
HOT = (
    "proxy.exchange",
    "routing.router",
    "sessions.token",
    "sessions.contract.course",
    "sessions.keeping.runs",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--compiled", action="store_true", help="fail where the byte path is not compiled")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: where two run at a time, one has these while the other has all the rest."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/survival/"))


def pytest_configure(config: pytest.Config) -> None:
    """Raises pytest.UsageError."""
    if config.getoption("compiled") and (plain := [name for name in HOT if not compiled(name)]):
        raise pytest.UsageError(f"not compiled: {', '.join(plain)} (`make test-compiled` finds them)")


def compiled(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and not str(spec.origin).endswith(".py")
