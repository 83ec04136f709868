"""Every `limpet ...` in the pages is a command that there is, with options that it has."""

import re
import shlex

import click
import pytest

from control.cli import main
from tests.docs.pages import FENCE, ROOT, pages

INLINE = re.compile(r"`limpet ([^`\n]+)`")
TYPED = re.compile(r"^\s*(?:\$ )?limpet ([a-z][^\n#|&>]*)", re.MULTILINE)
SHELLS = ("", "sh")


def commands() -> list[tuple[str, str]]:
    """The page, and what follows `limpet` in its text or its blocks of commands."""
    found = set()
    for page in pages():
        text, name = page.read_text(), str(page.relative_to(ROOT))
        found |= {(name, words) for words in INLINE.findall(FENCE.sub("", text))}
        for language, block in FENCE.findall(text):
            if language in SHELLS:
                found |= {(name, words.strip()) for words in TYPED.findall(block)}
    return sorted(found)


@pytest.mark.parametrize(("page", "words"), commands())
def test_it_is_one(page: str, words: str) -> None:
    name, *rest = shlex.split(re.sub(r"[\[\]]", " ", words).replace("\\|", "|"))
    for each in name.split("|"):
        if each.startswith("-"):
            assert any(each in option.opts for option in main.params) or each in ("--help", "-h", "--version")
            continue
        command = main.commands.get(each)
        assert isinstance(command, click.Command), each
        known = {opt for option in command.params for opt in (*option.opts, *option.secondary_opts)}
        given = {word.partition("=")[0].rstrip(",.") for word in rest if re.match(r"--?[a-z]", word)}
        assert given <= known | {"-h", "--help"}
