"""A bar in a terminal, lines elsewhere; every act of a plan has its place in it."""

from io import StringIO

from rich.console import Console

from control.compare.plan import Plan
from control.compare.progress import REVIEW, START, expected, filling, progress

PLAN = Plan(20.0, 600)


def test_each_act_has_its_seconds() -> None:
    seconds = expected(PLAN)
    assert list(seconds)[:3] == [START, filling("affinity"), filling("replication")]
    assert list(seconds)[-2:] == ["the store is back", REVIEW]
    assert 20 < sum(seconds.values()) < 40


async def test_without_a_terminal_each_act_is_a_line() -> None:
    text = StringIO()
    async with progress(Console(file=text), PLAN) as tell:
        tell(START)
        tell("a node is dead")
    assert text.getvalue().splitlines() == [START, "a node is dead"]


async def test_in_a_terminal_there_is_a_bar() -> None:
    text = StringIO()
    console = Console(file=text, force_terminal=True, width=100, legacy_windows=False)
    async with progress(console, PLAN) as tell:
        for act in expected(PLAN):
            tell(act)
    assert "━" in text.getvalue()
    assert REVIEW in text.getvalue()
