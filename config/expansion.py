"""`${NAME}` and `${NAME:-default}` in the values of the file."""

import re
from collections.abc import Mapping

REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\$\{")


class Unexpanded(Exception):
    """A reference that names no variable that is set; the message says which, and never a value."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """The text with each reference replaced; `$${` stands for `${`.

    A default counts where the variable is not set or empty, as in a shell. Raises Unexpanded.
    """
    return REFERENCE.sub(lambda match: replacement(match, env), text)


def replacement(match: re.Match[str], env: Mapping[str, str]) -> str:
    if match[0] == "$${":
        return "${"
    if match[1] is None:
        raise Unexpanded(
            "holds a `${` that is not `${NAME}` or `${NAME:-default}`; write `$${` for a literal one"
        )
    value = env.get(match[1])
    if match[2] is not None:
        return value or match[3]
    if value is None:
        raise Unexpanded(
            f"environment variable `{match[1]}` is not set; `${{NAME:-default}}` gives a default"
        )
    return value
