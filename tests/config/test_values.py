"""Single values: integers, numbers, flags and text."""

import math

import pytest

from config.values import Refused, enumerated, integer, listed, number, parse_flag, text


@pytest.mark.parametrize("value", [1, 1000, "7"])
def test_an_integer_within_its_bounds(value: object) -> None:
    assert integer(1, 1000).parse(value) == int(str(value))


@pytest.mark.parametrize(
    "value", [0, 1001, -1, "0", "007", "1_0", "+1", "1.0", 1.0, True, None, "12:30", "٣", [], "9" * 30]
)
def test_no_other_value_is_an_integer(value: object) -> None:
    with pytest.raises(Refused, match="must be an integer from 1 to 1000"):
        integer(1, 1000).parse(value)


@pytest.mark.parametrize(("value", "read"), [(1, 1.0), (1.25, 1.25), ("1.5", 1.5), (100, 100.0)])
def test_a_number_within_its_bounds(value: object, read: float) -> None:
    assert number(1.0, 100.0).parse(value) == read


@pytest.mark.parametrize("value", [0.99, 100.1, math.nan, math.inf, "1e1", "inf", True, None, {}])
def test_no_other_value_is_a_number(value: object) -> None:
    with pytest.raises(Refused, match="must be a number from 1 to 100"):
        number(1.0, 100.0).parse(value)


@pytest.mark.parametrize(("value", "read"), [(True, True), (False, False), ("true", True), ("false", False)])
def test_flags(value: object, read: bool) -> None:
    assert parse_flag(value) is read


@pytest.mark.parametrize("value", ["yes", "no", "on", "off", "True", "1", 1, 0, None, ""])
def test_no_other_value_is_a_flag(value: object) -> None:
    with pytest.raises(Refused, match="must be true or false"):
        parse_flag(value)


def test_text_that_yaml_reads_as_something_else_needs_quotes() -> None:
    parse = text("[a-z0-9]+", "a word").parse
    assert parse("a1") == "a1"
    for value in (1, 1.5, True):
        with pytest.raises(Refused, match=r"must be a word \(put it in quotes\)"):
            parse(value)
    for value in ("A", "", None, "a\n", ["a"]):
        with pytest.raises(Refused, match=r"must be a word$"):
            parse(value)


def test_words_are_listed_as_people_do() -> None:
    assert enumerated(("a",)) == "`a`"
    assert enumerated(("a", "b")) == "`a` or `b`"
    assert enumerated(("a", "b", "c"), "and") == "`a`, `b` and `c`"


def test_one_item_needs_no_list() -> None:
    assert listed("a") == ["a"]
    assert listed(["a"]) == ["a"]
    assert listed(()) == ()
