"""What is said of a session, and the sentence that sums it up: where it would go now, why, what it finds."""

from collections.abc import Sequence
from typing import TypedDict

from control.whereabouts import Holder
from routing.states import STATE_LABELS
from routing.view import ServiceView

GONE = "(no longer configured)"
_AWAY = ("silent", "away")


class Explanation(TypedDict):
    """`session` is the session's name in the access log; times are unix seconds; None: not known.

    `version`: of the state that the token has seen; `holders`: None where nodes know no session contract.
    """

    service: str
    known_by: str
    session: str
    flag: str
    pin: str | None
    pin_state: str | None
    node: str | None
    reason: str
    because: str
    first_seen: int | None
    last_seen: int | None
    version: int | None
    order: list[str]
    holders: list[Holder] | None


def because(explanation: Explanation, view: ServiceView) -> str:
    """A sentence or two, for a person."""
    if explanation["known_by"] == "expired token":
        return "Its time is over: the next request begins a new session, on the node that suits that one."
    first = _choice(explanation, view)
    holders = explanation["holders"]
    if explanation["node"] is None:
        return first
    if holders is None:
        left = explanation["reason"] in ("failover", "drained")
        return f"{first} What its node has in memory does not come along." if left else first
    return f"{first} {_state(explanation, holders, view)}"


def _choice(explanation: Explanation, view: ServiceView) -> str:
    node = explanation["node"]
    if node is None:
        strict = " The service is strict: nobody else may serve it." if view.strict else ""
        return f"No node may take it now.{strict}"
    match explanation["reason"]:
        case "sticky":
            return f"{_pinned(explanation)}."
        case "failover" | "drained":
            return f"{_pinned(explanation)}: {node} is the first in its order that may take it."
        case "hashed":
            return f"{node} is the first available node in the order of its key."
        case "balanced":
            return f"Any node may take it, since the store has every session; this time it would be {node}."
        case _:
            return f"An id alone has no pin: {node} is the first in its order that may take it."


def _pinned(explanation: Explanation) -> str:
    if explanation["pin_state"] is None:
        return "Its node is no longer configured"
    return f"It is pinned to {explanation['pin']}, which is {explanation['pin_state']}"


def _state(explanation: Explanation, holders: Sequence[Holder], view: ServiceView) -> str:
    """What becomes of its state."""
    held = [holder for holder in holders if holder["answer"] == "held"]
    if any(holder["answer"] == "ended" for holder in holders):
        return "But the session has ended: the request begins a new one."
    node = explanation["node"]
    takes = {each.name for each in view.nodes if STATE_LABELS[each.state] == "up"}
    serving = [holder["where"] for holder in held if holder["serving"]]
    newest = max((holder["version"] or 0 for holder in held), default=0)
    if node in serving and _version(held, node) >= (explanation["version"] or 0):
        return f"{node} serves it, at version {_version(held, node)}."
    if server := next((name for name in serving if name in takes), None):
        return f"It is served by {server}, and follows it there (moved)."
    asked = ", ".join(holder["where"] for holder in holders if holder["answer"] in _AWAY)
    if newest < (explanation["version"] or 0):
        if asked:
            return f"Nobody who answers has its state as new as its token: it is waited for ({asked})."
        return "Nobody has its state as new as its token: it is stale, or lost."
    if not held:
        return "Nobody has any state of it: it begins empty."
    sources = [holder["where"] for holder in held if holder["version"] == newest]
    if node in sources:
        return f"{node} has a copy of its state, at version {newest}, and takes it over."
    return f"{node} takes it over with the state that {' and '.join(sources)} has, at version {newest}."


def _version(held: Sequence[Holder], name: str) -> int:
    return next(holder["version"] or 0 for holder in held if holder["where"] == name)
