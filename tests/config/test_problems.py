"""How mistakes are worded."""

import pytest

from config.problems import ConfigError, Problem, key_name, kind_of, shown, suggestion, unknown


def test_a_problem_says_where_and_what() -> None:
    problem = Problem(
        "proxy.yaml", 14, "services.shop.nodes[2].weight", "must be an integer from 1 to 1000, not 0"
    )
    assert str(problem) == (
        "proxy.yaml:14: services.shop.nodes[2].weight: must be an integer from 1 to 1000, not 0"
    )
    assert str(Problem("proxy.yaml", 0, "", "cannot be read")) == "proxy.yaml: cannot be read"


def test_problems_come_in_the_order_of_their_lines() -> None:
    problems = [Problem("f", line, key, "m") for line, key in ((3, "c"), (1, "b"), (3, "a"), (0, ""))]
    error = ConfigError(problems)
    assert [(each.line, each.key) for each in error.problems] == [(0, ""), (1, "b"), (3, "c"), (3, "a")]
    assert str(error).splitlines()[1] == "f:1: b: m"


def test_keys_are_written_as_people_say_them() -> None:
    assert key_name(("services", "shop", "nodes", 2, "weight")) == "services.shop.nodes[2].weight"
    assert key_name(("listen", 0)) == "listen[0]"
    assert key_name(()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
        ("a", '"a"'),
        ("é", '"é"'),
        ("\x1b[31m\n", r'"\u001b[31m\n"'),
        ("\x9b", r'"\u009b"'),
        ("x" * 100, '"' + "x" * 55 + '..."'),
        ([], "an empty list"),
        ([1], "a list"),
        ({"a": 1}, "a mapping"),
        (object(), "this"),
    ],
)
def test_values_are_shown_short_and_plain(value: object, text: str) -> None:
    assert shown(value) == text


def test_near_words_are_suggested() -> None:
    assert suggestion("wieght", ["weight", "name"]) == "; did you mean `weight`?"
    assert suggestion("Weight", ["weight", "name"]) == "; did you mean `weight`?"
    assert suggestion("zzz", ["weight", "name"]) == ""


def test_an_unknown_key_gets_a_suggestion_or_the_list() -> None:
    assert unknown(("limits", "boddy")) == "is not an option; did you mean `body`?"
    assert unknown(("error_pages", "jsn")) == "is not an option; did you mean `json`?"
    assert unknown(("access_log", "colour")) == "is not an option; there is `format`, `sample` and `file`"


def test_kinds_are_named_without_their_content() -> None:
    kinds = [kind_of(value) for value in ({}, [], "", True, None, 1, 1.5)]
    assert kinds == ["a mapping", "a list", "text", "true or false", "null", "a number", "a number"]
