"""The table says what was found, and loudly where the counts do not agree."""

import re
from io import StringIO

from rich.console import Console

from control.compare.results import Results
from control.compare.table import show
from tests.control.compare.given import found, results


def shown(of: Results) -> dict[str, list[str]]:
    """What a person reads: the cells of each line, by the first one."""
    text = StringIO()
    show(of, Console(file=text, width=80))
    lines = [re.split(r" {2,}", line.strip()) for line in text.getvalue().splitlines()]
    assert lines[0] == [found.strategy for found in of.strategies]
    return {first: rest for first, *rest in lines}


def test_each_strategy_has_its_column() -> None:
    lines = shown(results(found("affinity", lost=330, failed=2), found("replication"), found("store")))
    assert lines["sessions lost, by clients"] == ["330", "0", "0"]
    assert lines["sessions lost, by Limpet"] == ["330", "0", "0"]
    assert lines["acknowledged writes lost"] == ["660 of 1,500", "0 of 1,500", "0 of 1,500"]
    assert lines["writes without a copy"] == ["all", "7", "7"]
    assert lines["reads, p50 / p99"] == ["1.2 / 4.5 ms"] * 3
    assert lines["writes, p50 / p99"] == ["-", "2.2 / 6.5 ms", "2.2 / 6.5 ms"]
    assert lines["memory a session, nodes"] == ["-", "3,500 B", "3,500 B"]
    assert lines["memory a session, store"] == ["-", "-", "1,624 B"]
    assert lines["the last of these after"] == ["0.1 s", "-", "-"]
    assert not any("do not agree" in line for line in lines)


def test_counts_that_do_not_agree_are_said_to() -> None:
    lines = shown(results(found("affinity", lost=3, lost_metric=2)))
    assert lines["sessions lost, by Limpet"] == ["2 (!)"]
    assert any("do not agree" in line for line in lines)
