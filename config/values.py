"""What one value of the file may be: parsers that say in the operator's words what is allowed."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
JsonSchema = dict[str, Any]

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,18})?")


class Refused(ValueError):
    """A value that is not allowed, and what would be; `quoted`: the value may be shown beside it."""

    def __init__(self, allowed: str, *, quoted: bool = True) -> None:
        super().__init__(allowed)
        self.allowed = allowed
        self.quoted = quoted


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """An annotation for pydantic: values come from `parse`, editors see `schema`, `show` writes it back."""

    parse: Callable[[object], object]
    schema: JsonSchema
    show: Callable[[Any], object] | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        if self.show is None:
            return core_schema.no_info_plain_validator_function(self.parse)
        shown = core_schema.plain_serializer_function_ser_schema(self.show, when_used="json")
        return core_schema.no_info_plain_validator_function(self.parse, serialization=shown)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return dict(self.schema)


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """An annotation for a tuple: a single item may be written without the list round it."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(listed, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        many = handler(core)
        return {"anyOf": [many["items"], many]}


@dataclass(frozen=True, slots=True)
class ShortFor:
    """An annotation for a section: a plain value stands for the section with only the key `key`."""

    key: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.spelled_out, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        section = handler(core)
        plain = dict(handler.resolve_ref_schema(section)["properties"][self.key])
        plain.pop("title", None)
        return {"anyOf": [plain, section]}

    def spelled_out(self, value: object) -> object:
        return {self.key: value} if isinstance(value, str | int | float) else value


def listed(value: object) -> object:
    """The value as a list of one, unless it is a list already."""
    return value if isinstance(value, list | tuple) else [value]


def parsed(schema: JsonSchema) -> Callable[[type[T]], type[T]]:
    """Make a class with a `parse` class method and a `str` a type that pydantic knows."""

    def adopt(cls: type[T]) -> type[T]:
        hooks = Parsed(cls.parse, schema, str)  # type: ignore[attr-defined]
        for name in ("__get_pydantic_core_schema__", "__get_pydantic_json_schema__"):
            setattr(cls, name, getattr(hooks, name))
        return cls

    return adopt


def integer(low: int, high: int) -> Parsed:
    """An integer from `low` to `high`; digits in quotes (or from the environment) count as well."""

    def parse(value: object) -> int:
        if isinstance(value, str) and INTEGER.fullmatch(value):
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise Refused(f"must be an integer from {low} to {high}")
        return value

    return Parsed(parse, {"type": "integer", "minimum": low, "maximum": high})


def number(low: float, high: float) -> Parsed:
    """A finite number from `low` to `high`."""

    def parse(value: object) -> float:
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Refused(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return Parsed(parse, {"type": "number", "minimum": low, "maximum": high})


def parse_flag(value: object) -> bool:
    """`true` or `false` and nothing else: `yes` and `off` mean different things to readers of YAML."""
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise Refused("must be true or false")
    return value


Flag = Annotated[bool, Parsed(parse_flag, {"type": "boolean"})]


AUTO = 0
MOST_WORKERS = 256


def parse_workers(value: object) -> int:
    """A number of processes; `auto` is AUTO."""
    if value == "auto":
        return AUTO
    try:
        return cast(int, integer(1, MOST_WORKERS).parse(value))
    except Refused:
        raise Refused(f"must be an integer from 1 to {MOST_WORKERS}, or `auto`") from None


Workers = Annotated[
    int,
    Parsed(
        parse_workers,
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_WORKERS}, {"const": "auto"}]},
        lambda count: "auto" if count == AUTO else count,
    ),
]


def text(pattern: str, allowed: str) -> Parsed:
    """Text that `pattern` matches whole; `allowed` ends the sentence "must be ..."."""
    match = re.compile(pattern).fullmatch

    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise Refused(f"must be {allowed}{unquoted(value)}")
        if not match(value):
            raise Refused(f"must be {allowed}")
        return value

    return Parsed(parse, {"type": "string", "pattern": f"^(?:{pattern})$"})


def enumerated(words: tuple[str, ...], last: str = "or") -> str:
    """`a`, `b` or `c`."""
    quoted = [f"`{word}`" for word in words]
    return f" {last} ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def unquoted(value: object) -> str:
    """A hint for numbers and booleans where text is meant: YAML has read them as what they look like."""
    return " (put it in quotes)" if isinstance(value, int | float) and not math.isnan(value) else ""
