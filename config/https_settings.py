"""What a route asks of browsers about https."""

from typing import Annotated

from pydantic import Field

from config.section import Section
from config.units import duration
from config.values import Flag, Parsed, Refused, parse_flag

REDIRECT_SCHEMA = {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1, "maximum": 65535}]}


def parse_redirect(value: object) -> int:
    """The port to redirect to, 0 for none: from true (443), false or a port. Raises Refused."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if type(value) is int and 1 <= value <= 65535:
        return value
    try:
        return 443 if parse_flag(value) else 0
    except Refused:
        raise Refused("must be true, false, or the port for https") from None


def shown_redirect(port: int) -> bool | int:
    """As the file has it."""
    return port if port not in (0, 443) else port == 443


HttpsPort = Annotated[int, Parsed(parse_redirect, REDIRECT_SCHEMA, shown_redirect)]


class Hsts(Section):
    """`Strict-Transport-Security` (RFC 6797), on answers to clients that came by https."""

    max_age: Annotated[float, duration("0s", "3650d")] = Field(
        description="For so long browsers use https only; 0s takes it back."
    )
    include_subdomains: Flag = Field(False, description="The same for all hosts under this one.")
    preload: Flag = Field(False, description="Consent to be built into browsers.")

    def __str__(self) -> str:
        words = [f"max-age={self.max_age:.0f}"]
        words += ["includeSubDomains"] if self.include_subdomains else []
        words += ["preload"] if self.preload else []
        return "; ".join(words)
