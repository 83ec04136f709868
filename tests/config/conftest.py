"""Fixtures for the tests of the configuration."""

from pathlib import Path

import pytest

from tests.config.files import Loader


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path)
