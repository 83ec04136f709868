"""The picture shows who was measured, and a stranger stays one."""

import select
from contextlib import closing
from pathlib import Path

from bench.growth import Stranger, draw, timed
from bench.work import Work
from tests.bench.scripted import scripted
from tests.bench.test_load import answer

LINES = {"Limpet": [(1.0, 0.1), (2.0, 0.2)], "HAProxy": [(1.0, 0.1), (2.0, 0.1)]}


def test_the_picture_is_an_svg_with_a_panel_for_each_kind_of_growth(tmp_path: Path) -> None:
    file = tmp_path / "growth.svg"
    draw(LINES, LINES, {"a new session": LINES["Limpet"]}, file)
    text = file.read_text()
    assert text.count('id="axes_') == 3


def test_each_decision_is_asked_for() -> None:
    asked: list[str] = []
    assert timed(asked.append, ["a", "b"]) > 0
    assert asked == ["a", "b"] * 5


def test_a_stranger_keeps_no_cookie() -> None:
    work = Work("one client", b"/64", 1)
    with scripted([answer("n1", b"Set-Cookie: a=1\r\n")]) as port, closing(select.epoll()) as epoll:
        one = Stranger(port, work, epoll)
        one.send()
        while not (epoll.poll(60) and one.read()):
            pass
        assert (one.cookie, one.mark[:9]) == (b"", b"<node n1>")
        one.close()
