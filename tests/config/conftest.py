"""Fixtures for the tests of the configuration."""

from pathlib import Path

import pytest

from config import checks
from tests.config.files import Loader


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


@pytest.fixture
def contract_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a version whose byte path keeps the session contract."""
    monkeypatch.setattr(checks, "CONTRACT_READY", True)
