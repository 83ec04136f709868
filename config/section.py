"""What all sections of the file have in common."""

from typing import Annotated, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from config.values import integer

Count = Annotated[int, integer(1, 1_000_000)]


class Section(BaseModel):
    """A part of the file: unknown keys are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


S = TypeVar("S", bound=Section)


def defaults_of(section: type[S], description: str) -> S:
    """A section that the file may leave out.

    Its defaults are not validated: with `defer_build`, only the validator of the whole is then ever built
    (docs/decisions/0002-pydantic-settings.md says what that saves).
    """
    return cast(S, Field(default_factory=section.model_construct, description=description))
