"""docs/faults.md says which faults come in which runs, how often, and how often while writes are held."""

from random import Random

from tests.examples.running import ROOT
from tests.survival.schedules import KINDS, drawn
from tests.survival.test_sessions_survive import SEED, of

PAGE = ROOT / "docs" / "faults.md"


def rows() -> list[str]:
    """The page's table, as it should be."""
    turns = [
        (of(turn), kind.name, turn.held)
        for kind in KINDS
        for turn in drawn(kind, Random(SEED), kind.times * len(kind.faults))
    ]
    return [
        f"| {name} | {', '.join(f'`{run}`' for run in dict.fromkeys(t[1] for t in turns if t[0] == name))}"
        f" | {sum(t[0] == name for t in turns)} | {sum(t[0] == name and t[2] for t in turns)} |"
        for name in sorted({turn[0] for turn in turns})
    ]


def test_it_says_what_is_run() -> None:
    lines = PAGE.read_text().splitlines()
    begin = lines.index("|---|---|---|---|") + 1
    assert lines[begin : lines.index("", begin)] == rows()


def test_half_of_them_come_while_writes_are_held() -> None:
    told = [row.split(" | ") for row in rows()]
    times, held = sum(int(row[2]) for row in told), sum(int(row[3].removesuffix(" |")) for row in told)
    assert times >= 2 * len(told)
    assert 2 * held >= times
