"""The admin API's answers as a person sees them."""

import time
from typing import Any

import pytest

from control import show

NODE = {
    "service": "shop",
    "node": "a",
    "state": "down",
    "since": 0.0,
    "inflight": 1,
    "queue": 2,
    "sessions": 3,
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
    show.nodes([NODE | {"since": time.time() - 120, "why": NODE["why"] + "x" * 300}])
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[:6] == ["service", "node", "state", "for", "in", "flight"]
    assert line.split()[:8] == ["shop", "a", "down", "2m", "1", "2", "3", "4"]
    assert line.endswith("[red]no markup[/red]" + "x" * 300)


def test_an_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    show.explanations([EXPLANATION | {"first_seen": now - 7200, "last_seen": now - 60}])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    text = "\n".join(" ".join(line) for line in lines)
    assert "known by token (flag D)" in " ".join(text.split())
    assert "first seen 2h ago, made 1m ago" in text
    assert "a, which is down" in text
    assert "b (failover)" in text


def test_an_explanation_of_what_is_hardly_known(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"pin": None, "pin_state": None, "node": None, "first_seen": None, "order": [], "session": ""}
    show.explanations([EXPLANATION | nothing])
    assert "nobody (failover)" in capsys.readouterr().out
