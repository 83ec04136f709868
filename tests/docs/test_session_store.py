"""The page on the session store can be typed along: each command says what the page says."""

from pathlib import Path

from tests.docs.typing_along import type_along


def test_every_command_says_what_the_page_says(tmp_path: Path) -> None:
    type_along("session-store.md", tmp_path, ("8080", "9900", "9001", "9002", "6390"))
    assert {"app.py", "proxy.yaml"} <= {path.name for path in tmp_path.iterdir()}
