"""What the page on security says is shown by a test: that test exists."""

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "security.md"
SHOWN = re.compile(r"\[`(test_\w+)`\]\(\.\./([\w/.]+)\)")


def test_every_test_that_it_names_is_there() -> None:
    named = SHOWN.findall(PAGE.read_text())
    assert len(named) > 20
    missing = [
        (name, file)
        for name, file in named
        if not re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.M)
    ]
    assert not missing


def test_no_promise_is_without_one() -> None:
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| ") and row.count(" | ") == 2]
    promises = [row for row in rows if not row.startswith(("| promise", "|---")) and "one can" not in row]
    without = [row for row in promises if "](../tests/" not in row.rpartition(" | ")[2]]
    assert len(without) == 5, "the rows of the table of secrets, which are no promises"
