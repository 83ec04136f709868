"""The app under uvicorn."""

from collections.abc import Iterator

import pytest

from limpet_session import LimpetSessionMiddleware
from tests.sdk.app import ENTERED, RELEASE, SEEN, At, Holding, Recorder, starlette
from tests.sdk.nodes import KEY
from tests.sdk.serving import PATIENCE, serving


@pytest.fixture
def at() -> Iterator[At]:
    SEEN.clear()
    ENTERED.clear()
    RELEASE.clear()
    middleware = LimpetSessionMiddleware(starlette(), [KEY], max_state=1000, fence_seconds=0.2)
    with serving(Recorder(middleware)) as port:
        yield At(f"http://127.0.0.1:{port}", middleware)
        RELEASE.set()


@pytest.fixture
def slow(at: At) -> Iterator[tuple[At, Holding]]:
    holding = Holding(at)
    yield at, holding
    RELEASE.set()
    holding.thread.join(PATIENCE)
