"""`limpet drain --wait`: shows how many sessions a node still has that others lack, until there are none."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

GLANCE_SECONDS = 0.3

Fact = dict[str, Any]
Tell = Callable[[Fact], None]


def wait_until_drained(
    look: Callable[[], Fact | None],
    tell: Tell,
    timeout_seconds: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether the node came to the end of its sessions and requests in time; it can be stopped then.

    `look` gives the node as `/api/nodes` has it, None where there is none; `tell` hears of each look.
    """
    deadline = now() + timeout_seconds
    while True:
        if (fact := look()) is None:
            return True
        tell(fact)
        if drained(fact):
            return True
        if now() >= deadline:
            return False
        sleep(GLANCE_SECONDS)


def drained(fact: Fact) -> bool:
    """Whether nothing is left on the node; one that is down has taken with it what it had."""
    left = fact["sessions_left"]
    return fact["mode"] != "ready" and (left == 0 or fact["state"] == "down") and not fact["inflight"]


@contextlib.contextmanager
def telling(say: Callable[[str], None], terminal: bool) -> Iterator[Tell]:
    """How to tell of a drain: on a terminal as a bar, else in lines."""
    if not terminal:
        yield lines(say)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(bar_width=30), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns) as progress:
        task, most = progress.add_task("", total=None), 0

        def tell(fact: Fact) -> None:
            nonlocal most
            left = fact["sessions_left"]
            most = max(most, left or 0)
            known = left is not None
            done = most - left if known else 0
            # Without any session the bar is full at once.
            progress.update(
                task,
                description=line(fact),
                total=max(most, 1) if known else None,
                completed=done if most else int(known),
            )

        yield tell


def lines(say: Callable[[str], None]) -> Tell:
    """Says what has changed, a line each."""
    said = ""

    def tell(fact: Fact) -> None:
        nonlocal said
        if (text := line(fact)) != said:
            said = text
            say(text)

    return tell


def line(fact: Fact) -> str:
    """What is left, in a few words."""
    name = f"{fact['service']}/{fact['node']}"
    left, inflight = fact["sessions_left"], fact["inflight"]
    if fact["state"] == "down":
        return f"{name} is down"
    if left is None:
        return f"{name}: its sessions are being counted"
    return f"{name}: {left} sessions left, {inflight} requests under way"
