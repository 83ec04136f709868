"""`limpet drain --wait`: shows how many sessions a node still has that others lack, until there are none."""

import time
from collections.abc import Callable
from typing import Any

GLANCE_SECONDS = 0.3


class NoContract(Exception):
    """The node's sessions cannot go elsewhere: they end with it."""


def wait_until_drained(
    look: Callable[[], dict[str, Any]],
    say: Callable[[str], None],
    timeout_seconds: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether the node came to the end of its sessions and requests in time; it can be stopped then.

    `look` gives the node as `/api/nodes` has it. Raises NoContract.
    """
    deadline, said = now() + timeout_seconds, ""
    while True:
        fact = look()
        if not fact["contract"]:
            raise NoContract
        line = _line(fact)
        if line != said:
            said = line
            say(line)
        if drained(fact):
            return True
        if now() >= deadline:
            return False
        sleep(GLANCE_SECONDS)


def drained(fact: dict[str, Any]) -> bool:
    """Whether nothing is left on the node; one that is down has taken with it what it had."""
    left = fact["sessions_left"]
    return fact["mode"] != "ready" and (left == 0 or fact["state"] == "down") and not fact["inflight"]


def _line(fact: dict[str, Any]) -> str:
    name = f"{fact['service']}/{fact['node']}"
    left, inflight = fact["sessions_left"], fact["inflight"]
    if fact["state"] == "down":
        return f"{name} is down"
    if left is None:
        return f"{name}: its sessions are being counted"
    return f"{name}: {left} sessions left, {inflight} requests under way"
