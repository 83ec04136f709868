"""These run on the loop that Limpet runs on, as the scenarios do."""

from tests.scenarios.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
