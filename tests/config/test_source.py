"""YAML as Limpet reads it: plain words stay plain, every value has its line."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config import source
from config.source import Source, plain


def read(text: str) -> Source:
    return Source("file.yaml", text, {"PORT": "80"})


def said(text: str) -> list[str]:
    found = read(text)
    return [str(found.problem(each)) for each in found.found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("1.5", 1.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("yes", "yes"),
        ("off", "off"),
        ("012", "012"),
        ("0x1f", "0x1f"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2026-11-21", "2026-11-21"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("9" * 30, "9" * 30),
    ],
)
def test_plain_words(text: str, value: object) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)
    assert read(f"a: {text}").tree == {"a": value}
    assert read(f"a: '{text}'").tree == {"a": text}


@given(st.text(alphabet="0123456789.eE+-_:xXoOinfNa~", max_size=50))
def test_plain_words_are_never_infinite(text: str) -> None:
    value = plain(text)
    assert not isinstance(value, float) or math.isfinite(value) or "e" in text.lower()


def test_every_value_has_its_line() -> None:
    found = read("a:\n  b: 1\n  c:\n    - x\n    -\n      d: 2\ne: {f: [1,\n  2]}\n")
    assert found.tree == {"a": {"b": 1, "c": ["x", {"d": 2}]}, "e": {"f": [1, 2]}}
    assert found.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 6,
        ("a", "c", 1, "d"): 6,
        ("e",): 7,
        ("e", "f"): 7,
        ("e", "f", 0): 7,
        ("e", "f", 1): 8,
    }


def test_anchors_and_merge_keys() -> None:
    found = read("a: &base\n  x: 1\n  y: 2\nb:\n  <<: *base\n  y: 3\nc:\n  <<: [{x: 9}, *base]\nd: *base\n")
    assert found.tree == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 9, "y": 2},
        "d": {"x": 1, "y": 2},
    }
    assert found.lines["b", "x"] == 2
    assert found.lines["b", "y"] == 6
    assert found.found == []


def test_values_come_from_the_environment() -> None:
    found = read("a: ${PORT}\nb: 'x${PORT}'\nc: >-\n  ${PORT}\n")
    assert found.tree == {"a": "80", "b": "x80", "c": "80"}
    assert found.written == {("a",): "${PORT}", ("b",): "x${PORT}", ("c",): "${PORT}"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "file.yaml:3: a: is given twice, first in line 1"),
        ("a:\n  b:\n  c: 1\n", "file.yaml:2: a.b: has no value: give one, or leave the key out"),
        ("a: [x, ]\nb: [1, '', '']\n", None),
        ("a:\n  - 1\n  -\n", "file.yaml:3: a[1]: has no value: give one, or leave the key out"),
        (
            "a: !!int 3\n",
            "file.yaml:1: a: must not have a YAML tag: a value that begins with `!` needs quotes",
        ),
        (
            "a: !secret 3\n",
            "file.yaml:1: a: must not have a YAML tag: a value that begins with `!` needs quotes",
        ),
        ("a:\n  ? [x]\n  : 1\n", "file.yaml:2: a: has a key that is not text"),
        ("a:\n  <<: 3\n", "file.yaml:1: a: has a `<<` that is not a mapping or a list of mappings"),
        (
            "a: ${NOPE}\n",
            "file.yaml:1: a: environment variable `NOPE` is not set; `${NAME:-default}` gives a default",
        ),
    ],
)
def test_what_can_be_read_but_is_wrong(text: str, message: str | None) -> None:
    assert said(text) == ([message] if message else [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1\n", "file.yaml:2: a tab stands where YAML wants spaces"),
        (
            "a: 1\n  b: 2\n",
            "file.yaml:2: a `:` too many, or wrong indentation: a value with `: ` in it needs quotes",
        ),
        (
            "a: b: c\n",
            "file.yaml:1: a `:` too many, or wrong indentation: a value with `: ` in it needs quotes",
        ),
        ("a: 'b\nc: d\n", "file.yaml:1: a quote is not closed"),
        ("a: [1, 2\nb: 3\n", "file.yaml:2: a bracket is not closed, or a comma is missing"),
        ("a: *hunter2\n", "file.yaml:1: `*` refers to an anchor that the file does not have"),
        ("a: @b\n", "file.yaml:1: a value that begins with `@`, `%` or a backquote needs quotes"),
        ("a: !x!hunter2 b\n", "file.yaml:1: a value that begins with `!` needs quotes"),
        ("a: 1\n---\nb: 2\n", "file.yaml:2: a second document begins with `---`: there can be only one"),
        ("a: 1\nb\nc: 2\n", "file.yaml:3: a key without its `:`"),
        ("- a\nb: 1\n", "file.yaml:2: the indentation does not fit the lines before"),
        ("a: 1\nb: \x07\n", "file.yaml:2: holds a character that YAML does not allow: U+0007"),
        ('a: "\\q"\n', "file.yaml:1: is not YAML: found unknown escape character 'q'"),
        ("a: &x {b: *x}\n", "file.yaml: is nested too deeply"),
        ("a: " + "[" * 3000 + "]" * 3000, "file.yaml: is nested too deeply"),
    ],
)
def test_what_is_no_yaml(text: str, message: str) -> None:
    lines = said(text)
    assert len(lines) == 1
    assert lines[0].startswith(message)
    assert "hunter2" not in lines[0]


def test_a_few_aliases_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_VALUES", 1000)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert said("\n".join(lines)) == ["file.yaml: holds more than 1000 values"]


def test_both_loaders_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: 'c', d: [1, ~, no]}\ne:\n  <<: *x\n  b: |\n    text\n"
    fast = read(text)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    slow = read(text)
    assert (fast.tree, fast.lines, fast.written) == (slow.tree, slow.lines, slow.written)


@given(st.text(alphabet="ab:- \n\t#&*!|>'\"%@`{}[],?<$\\~.1"))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read(text)
    for each in found.found:
        assert str(found.problem(each)).startswith("file.yaml")
