"""Reads a YAML file into plain values and remembers in which line each of them stands."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from config.expansion import Unexpanded, expand
from config.problems import Found, KeyPath, Problem, key_name

MOST_VALUES = 500_000  # far above any real file: what a few nested aliases can grow to is more
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(?=[0-9]*[.eE])(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
WORDS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
} | dict.fromkeys(("null", "Null", "NULL", "~"))
SYNTAX = (
    ("'\\t'", "a tab stands where YAML wants spaces"),
    (
        "alias",
        "`*` refers to an anchor that the file does not have: a value that begins with `*` needs quotes",
    ),
    ("anchor", "an anchor is defined twice, or its name is wrong: a value that begins with `&` needs quotes"),
    ("tag", "a value that begins with `!` needs quotes"),
    (
        "mapping values are not allowed",
        "a `:` too many, or wrong indentation: a value with `: ` in it needs quotes",
    ),
    (
        "expected <block end>",
        "the indentation does not fit the lines before, or a quote or bracket is not closed",
    ),
    ("could not find expected ':'", "a key without its `:`"),
    ("unexpected end of stream", "a quote is not closed"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("another document", "a second document begins with `---`: there can be only one"),
    ("cannot start any token", "a value that begins with `@`, `%` or a backquote needs quotes"),
)


class Broken:
    """Stands in the tree for a value that could not be read and has been reported."""


class Syntax(Exception):
    """The file is not YAML."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class PlainLoader(yaml.SafeLoader):
    """PyYAML without its ideas of what plain words mean: `yes`, `012`, `12:30` and dates stay text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own declaration)


if yaml.__with_libyaml__:

    class FastLoader(yaml.CSafeLoader):
        """The same on libyaml: ten times as fast, but its messages are worse."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


def compose(text: str) -> yaml.Node | None:
    """The file's nodes with their marks; raises Syntax."""
    if yaml.__with_libyaml__:
        try:
            return yaml.compose(text, FastLoader)
        except yaml.YAMLError:
            pass  # once more with the loader whose messages are the same on every machine
    try:
        return yaml.compose(text, PlainLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Syntax(
            line, f"holds a character that YAML does not allow: U+{ord(text[error.position]):04X}"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise explained(error) from None


def explained(error: yaml.MarkedYAMLError) -> Syntax:
    """PyYAML's message in simpler words; where it names the start of what went wrong, that line."""
    problem = str(error.problem)
    words = next((words for part, words in SYNTAX if part in problem), f"is not YAML: {problem}")
    open_quote = "unexpected end of stream" in problem and error.context_mark
    mark = open_quote or error.problem_mark
    return Syntax(mark.line + 1 if mark else 0, words)


class Source:
    """A file's values as plain dicts, lists and scalars, with the line of each and what was wrong so far.

    `written` has, by path, what stands in the file where a value came from the environment: only that may be
    shown in messages.
    """

    def __init__(self, file: str, text: str, env: Mapping[str, str]) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.written: dict[KeyPath, str] = {}
        self.found: list[Found] = []
        self._env = env
        self._count = 0
        self.tree: object = None
        try:
            root = compose(text)
            self.tree = {} if root is None else self._value(root, ())
        except Syntax as error:
            self._refuse_whole(error.line, error.message)
        except RecursionError:
            self._refuse_whole(0, "is nested too deeply")

    def problem(self, found: Found) -> Problem:
        """The same with its line: that of the key itself, or of the nearest above it that the file has."""
        standing = found.path
        while standing and standing not in self.lines:
            standing = standing[:-1]
        # Below a mapping a key is absent or a default; below anything else it is a short form's long one.
        whole = isinstance(self._at(standing), dict)
        line = found.line or self.lines.get(standing, 0)
        return Problem(self.file, line, key_name(found.path if whole else standing), found.message)

    def _at(self, path: KeyPath) -> object:
        value: Any = self.tree
        for step in path:
            value = value[step]
        return value

    def _refuse_whole(self, line: int, message: str) -> None:
        self.tree, self.lines, self.found = Broken(), {(): line}, [Found((), message)]

    def _value(self, node: yaml.Node, path: KeyPath) -> object:
        self._count += 1
        if self._count > MOST_VALUES:
            raise Syntax(0, f"holds more than {MOST_VALUES} values")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, index)) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            raise TypeError(node)
        return self._scalar(node, path)

    def _item(self, node: yaml.Node, path: KeyPath) -> object:
        self.lines[path] = node.start_mark.line + 1
        return self._value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        result: dict[str, object] = {}
        own: set[str] = set()
        for key, value, merged in self._pairs(node, path):
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.found.append(Found(path, "has a key that is not text", line=line))
                continue
            here = (*path, key.value)
            if key.value in own and not merged:
                self.found.append(Found(here, f"is given twice, first in line {self.lines[here]}", line=line))
            if key.value not in result:
                self.lines[here] = line
                result[key.value] = self._value(value, here)
                own.add(key.value)
        return result

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> list[tuple[yaml.Node, yaml.Node, bool]]:
        """Keys and values, first the mapping's own, then those that `<<` brings in."""
        own = [(key, value, False) for key, value in node.value if not merge_key(key)]
        for key, value in node.value:
            if not merge_key(key):
                continue
            for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(mapping, yaml.MappingNode):
                    own += [(key, value, True) for key, value, _ in self._pairs(mapping, path)]
                else:
                    self.found.append(Found(path, "has a `<<` that is not a mapping or a list of mappings"))
        return own

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        if node.tag != "tag:yaml.org,2002:str":
            return self._broken(path, "must not have a YAML tag: a value that begins with `!` needs quotes")
        if "${" in node.value:
            self.written[path] = node.value
            try:
                return expand(node.value, self._env)
            except Unexpanded as error:
                return self._broken(path, str(error))
        if node.style:  # None or "" for a plain scalar, by the loader
            return node.value
        if node.value == "":
            return self._broken(path, "has no value: give one, or leave the key out")
        return plain(node.value)

    def _broken(self, path: KeyPath, message: str) -> Broken:
        self.found.append(Found(path, message))
        return Broken()


def merge_key(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and not node.style


def plain(text: str) -> object:
    """What an unquoted scalar means: YAML 1.2's core schema, without octal, hexadecimal and infinite."""
    if text in WORDS:
        return WORDS[text]
    if len(text) < 20 and INTEGER.fullmatch(text):
        return int(text)
    if len(text) < 40 and FLOAT.fullmatch(text):
        return float(text)
    return text
