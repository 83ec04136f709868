"""States above the limit are told of, and not one by one."""

import logging

import pytest

from control.oversize import MINUTE, Oversize
from sessions.keeping.counters import KeepingCounters


def test_at_most_one_line_a_minute_says_how_many(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    counters, now = KeepingCounters(), 0.0
    told = Oversize("shop", 4096, counters, lambda: now)
    told.look()
    assert caplog.messages == []
    for counters.too_large in (2, 3, 5):
        told.look()
        now += MINUTE / 2
    assert [line.split(": ")[1].split(" were")[0] for line in caplog.messages] == ["2 answers", "3 answers"]
    assert caplog.messages[0].startswith("service shop: ") and "4096 bytes" in caplog.messages[0]
