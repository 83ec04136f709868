"""What is wrong with a configuration, said in the operator's words: where, what, and what is allowed."""

import difflib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic_core import ErrorDetails

from config.options import section_at
from config.values import Refused, enumerated

KeyPath = tuple[str | int, ...]
LONGEST_SHOWN = 60  # characters of a value in a message
KINDS = {
    "model_type": "must be a mapping (keys with values)",
    "model_attributes_type": "must be a mapping (keys with values)",
    "dict_type": "must be a mapping (keys with values)",
    "tuple_type": "must be a list",
    "string_type": "must be text",
}


class Found(NamedTuple):
    """Something wrong at a key, before it is known in which line that stands.

    `depends` are the keys that it is concluded from: if one of them is wrong itself, nothing is concluded.
    """

    path: KeyPath
    message: str
    depends: tuple[KeyPath, ...] = ()
    line: int = 0  # where it is not the line of the key


class Problem(NamedTuple):
    """A mistake in a file; `line` is 0 where it has none, `key` is empty where it concerns the whole file."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, [place, self.key, self.message]))


class ConfigError(Exception):
    """A configuration that cannot be used, with all that is wrong with it in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def key_name(path: KeyPath) -> str:
    """`services.shop.nodes[2].weight`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def shown(value: object) -> str:
    """A value as it may stand in a message: short, on one line, without control characters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if not isinstance(value, str | int | float | None):
        return "this"
    printable = isinstance(value, str) and value.isprintable()
    text = json.dumps(value, ensure_ascii=not printable)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 4] + '..."'


def suggestion(word: object, words: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing where no word is near."""
    near = difflib.get_close_matches(str(word).lower(), list(words), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def found(error: ErrorDetails, written: str | None) -> Found:
    """One of pydantic's errors in our words. `written` is what to show for the value, None: itself."""
    path, value = error["loc"], error["input"] if written is None else written
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return Found(path, "is missing")
        case "extra_forbidden":
            return Found(path, unknown(path))
        case "too_short":
            return Found(path, "must not be empty")
        case "enum" | "literal_error":
            words = tuple(context["expected"].replace(" or ", ", ").replace("'", "").split(", "))
            hint = suggestion(value, words) if isinstance(value, str) else ""
            return Found(path, f"must be {enumerated(words)}, not {shown(value)}{hint}")
        case "value_error" if isinstance(context.get("error"), Refused):
            return refused(path, value, context["error"])
    if kind := KINDS.get(error["type"]):
        # The value stays out: where a list or a mapping should be, a secret may stand.
        return Found(path, f"{kind}, not {kind_of(error['input'])}")
    return Found(path, "is not allowed here")


def refused(path: KeyPath, value: object, error: Refused) -> Found:
    """What a parser of ours said, with the value beside it; the name of a key is its own value."""
    if path[-1] == "[key]":
        path, value = path[:-1], path[-2]
    return Found(path, f"{error.allowed}, not {shown(value)}" if error.quoted else error.allowed)


def unknown(path: KeyPath) -> str:
    """What to say of a key that its section does not have."""
    section = section_at(path[:-1])
    words = [field.alias or name for name, field in section.model_fields.items()] if section else []
    hint = suggestion(path[-1], words)
    return (
        f"is not an option{hint}" if hint else f"is not an option; there is {enumerated(tuple(words), 'and')}"
    )


def kind_of(value: object) -> str:
    """What sort of value this is, without showing it."""
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
