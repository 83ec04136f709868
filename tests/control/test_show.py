"""The admin API's answers as a person sees them."""

import time
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from control import show

SERVICE = {
    "service": "shop",
    "strategy": "replication",
    "nodes": 3,
    "available": 2,
    "requests_per_second": 12.34,
    "errors_per_second": 0.0,
    "p50_ms": 1.25,
    "p99_ms": None,
    "sessions": 40,
    "copies": {"0": 1, "1": 39, "2+": 0},
    "writes": {"settled": 7, "unprotected": 1},
    "lost": 2,
    "stale": 0,
    "copied_bytes": 12_345_678,
}
NODE = {
    "service": "shop",
    "node": "a",
    "state": "down",
    "since": 0.0,
    "inflight": 1,
    "queue": 2,
    "sessions": 3,
    "sessions_served": 33,
    "sessions_left": None,
    "copies_held": 5,
    "requests_per_second": 0.25,
    "errors_per_second": 0.0,
    "weight": 4,
    "why": "probe failed: [red]no markup[/red]",
}
EXPLANATION: dict[str, Any] = {
    "service": "shop",
    "known_by": "token",
    "flag": "D",
    "session": "5e55",
    "pin": "a",
    "pin_state": "down",
    "node": "b",
    "reason": "failover",
    "first_seen": 0,
    "last_seen": 0,
    "order": ["b", "a"],
    "because": "It is pinned to a, which is down.",
    "holders": [
        {"where": "a", "answer": "away", "version": None, "bytes": None, "serving": None},
        {"where": "b", "answer": "held", "version": 7, "bytes": 120, "serving": False},
        {"where": "store main", "answer": "silent", "version": None, "bytes": None, "serving": None},
    ],
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (900_000, "10d"),
    ],
)
def test_a_time_span_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert show.lasting(seconds) == text


def test_a_node_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    node = NODE | {"since": time.time() - 120, "why": NODE["why"] + "x" * 300}
    show.show(show.status([SERVICE], [node]))
    _, service, _, heading, line = capsys.readouterr().out.splitlines()
    assert service.split() == (
        ["shop", "replication", "2/3", "12", "0", "1.2", "ms", "-", "40", "1/39/0", "8", "2", "0", "12", "MB"]
    )
    assert heading.split()[:6] == ["service", "node", "state", "for", "in", "flight"]
    assert line.split()[:11] == ["shop", "a", "down", "2m", "1", "2", "0.2", "0", "33", "5", "4"]
    assert line.endswith("[red]no markup[/red]" + "x" * 300)


@pytest.mark.parametrize(("width", "spared"), [(80, "queue"), (100, "copied"), (140, "")])
def test_a_narrow_terminal_does_without_what_matters_least(width: int, spared: str) -> None:
    console = Console(width=width, file=StringIO(), highlight=False)
    node = NODE | {"since": time.time() - 120, "why": "drained, by the operator"}
    console.print(show.status([SERVICE], [node]))
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert (spared not in text or not spared, "…" in text) == (True, False)
    assert all(word in text for word in ("2/3", "down", "req/s", "sessions", "lost", "why"))


def test_without_the_contract_there_are_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = dict.fromkeys(("copies", "writes", "stale", "copied_bytes"))
    show.show(show.status([SERVICE | nothing], [NODE | {"sessions_served": None, "copies_held": None}]))
    _, service, _, _, node = capsys.readouterr().out.splitlines()
    assert service.split()[-6:] == ["40", "-", "-", "2", "-", "-"]
    assert node.split()[8:10] == ["3", "-"]


def test_a_node_that_drains_says_how_much_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    show.show(show.nodes_table([NODE | {"why": "drained, by the operator", "sessions_left": 12}]))
    assert capsys.readouterr().out.rstrip().endswith("drained, by the operator (12 sessions left)")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (9999, "9999 B"), (10_000, "10 kB"), (12_345_678, "12 MB"), (3e16, "30000 TB")],
)
def test_a_size_has_at_most_four_digits_or_the_largest_unit(count: float, text: str) -> None:
    assert show.size(count) == text


def test_an_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    show.explanations([EXPLANATION | {"first_seen": now - 7200, "last_seen": now - 60}])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    text = "\n".join(" ".join(line) for line in lines)
    assert "known by token (flag D)" in " ".join(text.split())
    assert "first seen 2h ago, made 1m ago" in text
    assert "a, which is down" in text
    assert "b (failover)" in text
    assert "because It is pinned to a, which is down." in " ".join(text.split())
    assert "on a not asked, since it is away" in " ".join(text.split())
    assert "on b a copy, version 7, 120 bytes" in " ".join(text.split())
    assert "on store main no answer" in " ".join(text.split())


def test_an_explanation_of_what_is_hardly_known(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"pin": None, "pin_state": None, "node": None, "first_seen": None, "order": [], "session": ""}
    nothing |= {"holders": None}
    show.explanations([EXPLANATION | nothing])
    assert "nobody (failover)" in capsys.readouterr().out


def test_workers_are_shown_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"worker": 1, "state": "serving", "pid": 4711, "since": time.time() - 120, "restarts": 0}
    one |= {"connections": 12, "inflight": 3}
    other = one | {"worker": 2, "state": "ended", "pid": None, "since": None, "restarts": 5}
    show.show(show.status([SERVICE], [NODE], [], [one, other]))
    *_, heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["worker", "process", "state", "for", "connections", "in", "flight", "restarts"]
    assert first.split() == ["1", "4711", "serving", "2m", "12", "3", "0"]
    assert second.split() == ["2", "-", "ended", "-", "12", "3", "5"]
    show.show(show.status([SERVICE], [NODE], [], [one]))
    assert "process" not in capsys.readouterr().out


def test_what_keeps_nodes_from_being_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    fact = {"service": "shop", "source": "DNS app", "up": False, "problem": "SERVFAIL", "nodes": 2}
    found = {**fact, "service": "mail", "up": True, "problem": ""}
    show.show(show.status([SERVICE], [NODE], [fact, found, {**fact, "service": "wiki", "nodes": 0}]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "shop: DNS app: SERVFAIL; 2 that were found are known",
        "wiki: DNS app: SERVFAIL; none is known yet",
    ]
