"""A secret of the file: bytes that never show in a message, a log or a traceback."""

import hmac
from typing import Annotated

from config.values import Parsed, Refused, parsed

SHORTEST_SECRET = 16  # bytes


@parsed({"type": "string", "minLength": SHORTEST_SECRET})
class Secret:
    """Bytes that must not be shown: `encode()` gives them, `repr` and `str` never do."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def parse(cls, value: object) -> "Secret":
        """From text of at least 16 bytes; else Refused, with a message that does not show it."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            hint = "in quotes" if isinstance(value, int | float) else "not a list or mapping"
            raise Refused(f"must be text of at least {SHORTEST_SECRET} bytes, {hint}", quoted=False)
        count = len(value.encode())
        if count < SHORTEST_SECRET:
            allowed = (
                f"must be at least {SHORTEST_SECRET} bytes long, not {count} (try `openssl rand -hex 32`)"
            )
            raise Refused(allowed, quoted=False)
        return cls(value)

    def encode(self) -> bytes:
        return self._value.encode()

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.encode(), other.encode())

    def __hash__(self) -> int:
        return hash(self._value)


def parse_node_key(value: object) -> Secret:
    """A secret that a header can carry; else Refused, with a message that does not show it."""
    secret = Secret.parse(value)
    if not all(0x21 <= byte <= 0x7E for byte in secret.encode()):
        allowed = "must be visible ASCII without spaces: it travels in a header (try `openssl rand -hex 32`)"
        raise Refused(allowed, quoted=False)
    return secret


NodeKey = Annotated[
    Secret, Parsed(parse_node_key, {"type": "string", "minLength": SHORTEST_SECRET, "pattern": "^[!-~]+$"})
]
