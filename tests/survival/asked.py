"""What a node's app does with its session when it is asked to, whatever framework it is written in."""

from collections.abc import Mapping, MutableMapping
from typing import Any

PADDING = "pad"  # a key whose value makes a state large, and is not worth telling


def write(session: MutableMapping[str, Any], asked: Mapping[str, str]) -> None:
    """`owner`, and all optional: `add=1` to its count, `key=NAME` to be set, `pad=BYTES` to be held."""
    if "add" in asked:
        session["count"] = session.get("count", 0) + 1
    if "key" in asked:
        session[asked["key"]] = 1
    if "pad" in asked and PADDING not in session:
        session[PADDING] = "x" * int(asked["pad"])
    if "add" in asked or "key" in asked:
        session.setdefault("owner", asked["owner"])


def told(session: Any) -> dict[str, Any]:
    """The app's answer: what the session holds, and of which version it is too old (0: none)."""
    seen = {key: value for key, value in session.items() if key != PADDING}
    return {"seen": seen, "stale": getattr(session, "stale", 0)}
