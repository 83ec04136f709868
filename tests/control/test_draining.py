"""Waiting for a drained node: what is said, and when it is over."""

from typing import Any

import click
import pytest

from control.cli import wait_for
from control.draining import lines, telling, wait_until_drained


def fact(left: int | None, inflight: int = 0, **more: Any) -> dict[str, Any]:
    node = {"service": "shop", "node": "a", "contract": True, "mode": "drain", "state": "drain"}
    return {**node, "sessions_left": left, "inflight": inflight, **more}


def wait(facts: list[dict[str, Any] | None], timeout: float = 100.0) -> tuple[bool, list[str]]:
    """One fact a second; the last one for ever."""
    now = -1.0
    said: list[str] = []

    def look() -> dict[str, Any] | None:
        nonlocal now
        now += 1
        return facts[min(int(now), len(facts) - 1)]

    done = wait_until_drained(look, lines(said.append), timeout, lambda: now, lambda seconds: None)
    return done, said


def test_it_says_what_is_left_until_that_is_nothing() -> None:
    done, said = wait([fact(None), fact(20, 1), fact(20, 1), fact(0, 1), fact(0), fact(5)])
    assert done
    assert said == [
        "shop/a: its sessions are being counted",
        "shop/a: 20 sessions left, 1 requests under way",
        "shop/a: 0 sessions left, 1 requests under way",
        "shop/a: 0 sessions left, 0 requests under way",
    ]


def test_on_a_terminal_it_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    facts = [fact(None), fact(20, 1), fact(5), fact(0)]
    with telling(lambda text: None, terminal=True) as tell:
        for each in facts:
            tell(each)
    out = capsys.readouterr().out
    assert "shop/a: 0 sessions left, 0 requests under way" in out
    assert "━" in out


def test_elsewhere_it_is_lines() -> None:
    said: list[str] = []
    with telling(said.append, terminal=False) as tell:
        tell(fact(2))
        tell(fact(2))
    assert said == ["shop/a: 2 sessions left, 0 requests under way"]


@pytest.mark.parametrize("stuck", [fact(3), fact(None), fact(0, 2), fact(0, mode="ready", state="up")])
def test_it_gives_up_in_time(stuck: dict[str, Any]) -> None:
    assert not wait([stuck], timeout=30.0)[0]


def test_a_node_that_is_down_has_nothing_left() -> None:
    assert wait([fact(7), fact(None, state="down")])[0]


def test_a_node_that_is_there_no_more_has_nothing_left() -> None:
    assert wait([fact(7), None]) == (True, ["shop/a: 7 sessions left, 0 requests under way"])


def test_without_the_contract_there_is_nothing_to_wait_for() -> None:
    with pytest.raises(click.ClickException, match="shop/a does not speak the session contract"):
        wait_for("proxy.yaml", None, fact(None, contract=False), 30.0)
