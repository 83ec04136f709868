"""What a write costs by itself is a difference within a round, told beside that of HAProxy + Redis."""

from contextlib import closing

import pytest

from bench.client import WrongAnswer
from bench.load import Load
from bench.sessions import setups, writes
from bench.sessions.browser import Browser, Stranger, Writer
from bench.sessions.turns import Turns
from tests.bench.scripted import scripted
from tests.bench.sessions.test_browser import ONE, answer
from tests.bench.sessions.test_report import cells, turn


def alone(kind: type[Browser], *counts: int) -> Browser:
    with scripted([answer(count) for count in counts]) as port, closing(Load(port, ONE, kind)) as load:
        load.saturate(5, len(counts) - 1)
        (user,) = load.clients.values()
        assert isinstance(user, Browser)
        return user


def test_a_writer_writes_with_each_request() -> None:
    assert [wrote for wrote, _ in alone(Writer, 1, 2, 3, 4).took] == [True] * 3


def test_for_a_stranger_each_request_is_the_first() -> None:
    assert [wrote for wrote, _ in alone(Stranger, 1, 1, 1, 1).took] == [True] * 3
    with pytest.raises(WrongAnswer):
        alone(Stranger, 1, 2, 3)


def measured() -> Turns:
    return {
        "Limpet replication": [turn(100, 200), turn(110, 210)],
        "Limpet, no sessions": [turn(50, 50), turn(50, 70)],
        "HAProxy + Redis": [turn(20, 350, 30), turn(20, 320, 20)],
        "HAProxy, no sessions": [turn(10, 40), turn(20, 40)],
    }


def test_the_difference_is_told_beside_that_of_the_app_itself() -> None:
    table = writes.table(measured())
    assert cells(table, "CPU µs for a write") == ["310", "380"]
    assert cells(table, "the same request without a session") == ["110", "55"]
    assert cells(table, "the write by itself") == ["200 (0.62x, 0.57-0.67)", "325"]


def test_without_the_other_there_is_no_ratio() -> None:
    some = {name: turns for name, turns in measured().items() if name.startswith("Limpet")}
    assert cells(writes.table(some), "the write by itself") == ["200"]
    assert writes.table({}) == ""


def test_who_takes_no_part_needs_nobody_to_be_compared_with() -> None:
    assert setups.bare([setups.AFFINITY, setups.STORE]) == ()
    assert [one.name for one in setups.bare([setups.HAPROXY])] == ["HAProxy, no sessions"]
    express = setups.on(setups.EXPRESS)
    assert setups.bare(express) == ()
