"""The page of a comparison: whole, of its own, and with nothing secret in it."""

import html
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from control.compare.performance import Plan, command
from control.compare.report import page, write_report
from control.compare.results import Results
from tests.control.compare.given import found, results
from tests.control.dashboard.chromium import Page, chromium

WHOLE = results(found("affinity", lost=330, failed=2), found("replication"), found("store"))
ELSEWHERE = re.compile(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!data:|#)([^\"')\s>]+)")
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def words(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


def test_it_says_what_was_found() -> None:
    text = page(WHOLE)
    shown = words(text)
    for sentence in (
        "The same load on the same nodes, under three strategies",
        "330 of 1,000 sessions lost; 660 of 1,500 acknowledged writes lost; 2 of 4,500 requests failed.",
        "330 sessions were on the node that was killed. The last request failed 0.1 s after.",
        "After 0 seconds one of three nodes was killed (SIGKILL).",
        "sessions lost, by Limpet33000",
        "nodes 3,500 B + store 1,624 B",
        "limpet compare --seconds 40 --sessions 1000",
        "a machine",
        "node b is dead",
        "a session lost or a request failed",
        "milliseconds",
    ):
        assert sentence in shown, sentence
    assert text.count("<svg") == 3 + 5
    for colour in ("text", "quiet", "line", "bad", "affinity", "replication", "store"):
        assert f"var(--{colour})" in text


def test_nothing_of_it_is_elsewhere() -> None:
    text = page(WHOLE)
    assert ELSEWHERE.findall(text) == []
    assert set(re.findall(r"https?://[^\"'\s<>)]+", text)) <= NAMESPACES
    assert "<script" not in text and "$" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("of", [results(found("affinity")), results(found("replication"), found("store"))])
def test_some_strategies_are_enough(of: Results) -> None:
    assert page(of).count("<figure>") == len(of.strategies) + 5


def test_what_others_have_written_is_only_text() -> None:
    text = page(replace(WHOLE, machine="<script>", command="a & b", store="<b>"))
    assert "<script" not in text and "&lt;script&gt;" in text and "a &amp; b" in text


def test_a_password_is_not_in_it() -> None:
    plan = Plan(9, 50, ("store",), "redis://:hunter2@h:1/2")
    text = page(replace(WHOLE, command=command(plan)))
    assert "redis://***@h:1/2" in text and "hunter2" not in text


def test_it_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "it.html"
    file.write_text("what was there")

    def fails(self: Path, target: Path) -> Path:
        raise OSError("no")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no"):
        patched.setattr(Path, "replace", fails)
        write_report(WHOLE, file)
    assert (file.read_text(), os.listdir(tmp_path)) == ("what was there", ["it.html"])
    write_report(WHOLE, file)
    assert file.read_text().startswith("<!doctype html>") and os.listdir(tmp_path) == ["it.html"]


async def test_a_browser_shows_it_and_asks_nobody(tmp_path: Path) -> None:
    file = tmp_path / "it.html"
    write_report(WHOLE, file)
    async with chromium(tmp_path) as browser:
        for width, dark in ((1280, False), (390, True)):
            await browser.resize(width, 900, dark)
            await browser.open(file.as_uri())
            await browser.becomes("document.readyState == 'complete' && document.images.length == 0")
            assert await browser.evaluate("document.querySelectorAll('figure > svg').length") == 8
            await fits(browser, width)
            shade = "getComputedStyle(document.body).backgroundColor"
            assert (await browser.evaluate(shade) == "rgb(20, 24, 26)") is dark
            asked = await browser.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
            assert [name for name in asked if not name.startswith("data:")] == []
        assert browser.complaints == []


async def fits(browser: Page, width: int) -> None:
    """Nothing is wider than the screen, and no letter of a chart too small to be read."""
    assert await browser.evaluate("document.documentElement.scrollWidth") <= width
    heights = "[...document.querySelectorAll('svg text')].map(each => each.getBoundingClientRect().height)"
    assert min(await browser.evaluate(heights)) >= 8
