"""The project's Markdown: its pages, their blocks, headings and links."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.examples.running import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


PLACES = (
    "*.md",
    "bench/*.md",
    "deploy/**/*.md",
    "docs/**/*.md",
    "examples/backends/*.md",
    "examples/backends/*/*.md",
    "sdk/*/*.md",
)


class Block(NamedTuple):
    """A fenced block. `line`: of its fence, from 1."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """All Markdown files that are ours."""
    return sorted(page for pattern in PLACES for page in ROOT.glob(pattern))


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks in these languages, of all pages."""
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for page in pages()
        for text in [page.read_text()]
        for found in FENCE.finditer(text)
        if found[1] in languages
    ]


def anchors(page: Path) -> set[str]:
    """What a link into the page may name: GitHub's rule, of headings, without what repeats."""
    text = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> set[str]:
    """Where the page's links and pictures lead, but for those to other sites."""
    found = {one or other for one, other in LINK.findall(FENCE.sub("", page.read_text()))}
    return {link for link in found if not link.startswith(("http://", "https://"))}
