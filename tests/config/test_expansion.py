"""References to environment variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.expansion import Unexpanded, expand

ENV = {"A": "one", "EMPTY": "", "NESTED": "${A}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${A}", "one"),
        ("x${A}y${A}z", "xoneyonez"),
        ("${EMPTY}", ""),
        ("${EMPTY:-two}", "two"),
        ("${MISSING:-two}", "two"),
        ("${MISSING:-}", ""),
        ("${MISSING:-a:-b}", "a:-b"),
        ("${A:-two}", "one"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("${NESTED}", "${A}"),
        ("$A $ $$ {A}", "$A $ $$ {A}"),
        ("", ""),
    ],
)
def test_references_are_replaced(text: str, expanded: str) -> None:
    assert expand(text, ENV) == expanded


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(
        Unexpanded, match=r"environment variable `MISSING` is not set; `\$\{NAME:-default\}` gives"
    ):
        expand("${A}${MISSING}", ENV)


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A-b}", "${A:b}", "${A B}", "${A:-b"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(Unexpanded, match=r"write `\$\$\{` for a literal one"):
        expand(text, ENV)


@given(st.text(alphabet="${}:-AB"))
def test_any_text_expands_or_is_refused(text: str) -> None:
    try:
        expanded = expand(text, ENV)
    except Unexpanded:
        assert "${" in text
    else:
        assert expanded == text or "${" in text
