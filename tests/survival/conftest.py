"""The runs' own side is on the loop that Limpet runs on: it costs less."""

from tests.scenarios.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
