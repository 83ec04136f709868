"""Apps on the Node.js SDK as real processes, on ports of their own and ended by their own ids."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SDK = HERE.parent.parent / "sdk" / "node"


@contextmanager
def node(script: str, *arguments: str) -> Iterator[int]:
    """The port that `script` says it listens on."""
    process = subprocess.Popen(["node", str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def shop() -> Iterator[int]:
    """An Express app that does whatever `limpet contract` can ask for."""
    with node("shop.js") as port:
        yield port
