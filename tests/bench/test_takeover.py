"""The bench of takeovers: whose requests are timed, and what may fail."""

import subprocess
import sys

import pytest

from bench.client import WrongAnswer
from bench.takeover import VICTIM, Crowd, row


def crowd(count: int) -> Crowd:
    """Half of the sessions are the victim's, and it has been killed a moment ago."""
    it = Crowd()
    it.begin(count)
    for number, session in enumerate(it.sessions):
        session.mark = VICTIM if number % 2 else b"another"
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    it.kill(victim.pid)
    victim.communicate()
    return it


def test_the_next_request_of_each_of_its_sessions_is_timed_once() -> None:
    it = crowd(4)
    assert len(it.lost) == 2
    for session in [it.next() for _ in range(4)] * 2:
        session.mark = b"another"
        it.answered(session, 0.0, good=True)
    assert (it.seconds, it.lost, it.failed, it.cut) == ([0.0, 0.0], set(), 0, 0)
    assert it.nodes == {b"another": 2}


def test_what_it_was_working_on_is_counted_apart() -> None:
    it = crowd(4)
    lost = [one for one in it.sessions if one.mark == VICTIM]
    it.answered(lost[0], 60.0, good=True)
    it.answered(lost[1], 60.0, good=False)
    assert (it.seconds, it.cut, len(it.lost)) == ([], 1, 1)
    assert lost[1] not in it.sessions


def test_a_later_request_that_fails_is_no_takeover_and_others_must_not_fail() -> None:
    it = crowd(4)
    lost = next(one for one in it.sessions if one.mark == VICTIM)
    it.answered(lost, 0.0, good=False)
    assert it.failed == 1
    with pytest.raises(WrongAnswer):
        it.answered(lost, 0.0, good=False)


def test_a_row_says_whether_the_bars_were_held() -> None:
    it = Crowd()
    it.seconds = [0.01] * 98 + [0.2, 0.4]
    it.nodes.update({b"a": 25, b"b": 30, b"c": 25, b"d": 20})
    assert row("Limpet", 300.0, it) == [
        "Limpet", "100", "300", "10.0", "200.0", "400.0", "1.20", "0", "0", "yes"
    ]  # fmt: skip
    it.nodes[b"b"] = 40
    assert row("Limpet", 300.0, it)[-1] == "no"
