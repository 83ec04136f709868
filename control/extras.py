"""What some commands need beside the rest: extras of this distribution, not installed by default."""

from importlib.util import find_spec


def missing(extra: str, command: str, *modules: str) -> str:
    """A sentence where a module that an extra brings is not installed; "" else. `command`: which needs it."""
    lacking = [module for module in modules if find_spec(module) is None]
    if not lacking:
        return ""
    install = f"pip install 'limpet[{extra}]', or in a checkout `make {command}`"
    return f"{' and '.join(lacking)} must be installed: {install}"
