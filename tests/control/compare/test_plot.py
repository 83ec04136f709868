"""The picture can be drawn of whatever was found."""

from pathlib import Path

import pytest

from control.compare.plot import draw
from control.compare.results import Results
from tests.control.compare.given import found, results

WHOLE = results(found("affinity", lost=330, failed=2), found("replication"), found("store"))


@pytest.mark.parametrize("of", [WHOLE, results(found("affinity"))])
def test_a_picture_is_drawn(tmp_path: Path, of: Results) -> None:
    draw(of, tmp_path / "it.png")
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")


def test_a_drawing_names_what_it_shows(tmp_path: Path) -> None:
    draw(WHOLE, tmp_path / "it.svg")
    text = (tmp_path / "it.svg").read_text()
    for words in ("affinity", "330 of 1,000 sessions lost; requests failed: 2", "node b is dead"):
        assert f"<!-- {words} -->" in text or f"<!--  {words} -->" in text
