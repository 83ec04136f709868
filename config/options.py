"""All options that the settings know: what the documentation must explain, and which keys a section has."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from config.section import Section
from config.settings import Settings


class Option(NamedTuple):
    """One key of the file: `services.NAME.nodes[].weight`."""

    key: str
    field: FieldInfo
    section: type[Section]

    @property
    def default(self) -> object:
        """What it is where the file does not say, as the file would say it; None where it is required."""
        return defaults(self.section).get(self.key.rpartition(".")[2])


def defaults(section: type[Section]) -> dict[str, object]:
    """The options of a section that need not be given, with their defaults as the file would have them."""
    return section.model_construct().model_dump(mode="json", by_alias=True)


def options(section: type[Section] = Settings, prefix: str = "") -> Iterator[Option]:
    """Every key under a section, in the order of the settings, sections before what is in them."""
    for name, field in section.model_fields.items():
        key = prefix + (field.alias or name)
        yield Option(key, field, section)
        steps, inner = inside(field.annotation)
        if inner:
            yield from options(inner, f"{key}{steps}.")


def inside(kind: object) -> tuple[str, type[Section] | None]:
    """The section that a type holds, if any, and the steps to it: `[]` for items, `.NAME` for named ones."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return "", kind
    for step, argument in steps_into(kind):
        further, section = inside(argument)
        if section:
            return step + further, section
    return "", None


def steps_into(kind: object) -> list[tuple[str, object]]:
    """What a type is made of, each with the step that leads there."""
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return [(".NAME", arguments[1])]
    if get_origin(kind) is tuple:
        return [("[]", arguments[0])]
    return [("", argument) for argument in arguments[: 1 if get_origin(kind) is Annotated else None]]


def section_at(path: tuple[str | int, ...]) -> type[Section] | None:
    """The section that stands at a path of the file, or None if something else does."""
    here: object = Settings
    for step in path:
        if isinstance(here, type) and issubclass(here, Section):
            fields = {field.alias or name: field for name, field in here.model_fields.items()}
            here = fields[str(step)].annotation if step in fields else None
        else:
            # A name or an index: the way into a mapping or a list has no other fork.
            here = next((argument for _, argument in steps_into(here)), None)
        steps, section = inside(here)
        here = section if not steps else here
    return here if isinstance(here, type) and issubclass(here, Section) else None
