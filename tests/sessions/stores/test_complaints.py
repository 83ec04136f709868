"""Failing writes are said, and said seldom."""

import pytest

from sessions.stores import complaints


def test_once_a_minute_at_most(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(complaints.time, "monotonic", lambda: now)
    about_main, about_other = complaints.Complaints("main"), complaints.Complaints("other")
    about_main.say("full")
    about_main.say("full")
    about_other.say("locked")
    now += 59
    about_main.say("full")
    now += 1
    about_main.say("still full")
    assert [record.getMessage().split()[1] for record in caplog.records] == ["main:", "other:", "main:"]
    assert caplog.records[2].getMessage().endswith("still full")
