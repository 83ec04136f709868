"""Log lines on standard error: readable, one to a line, and never waited for."""

import io
import logging
import queue
import sys

import pytest

from control.speech import Queued, listen_to_logs


def said(monkeypatch: pytest.MonkeyPatch, message: str, *arguments: object) -> str:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with listen_to_logs():
        logging.getLogger("limpet.x").warning(message, *arguments)
        logging.getLogger("limpet.x").debug("too small to be told")
    return stream.getvalue()


def test_a_line_says_when_how_bad_and_who(monkeypatch: pytest.MonkeyPatch) -> None:
    line = said(monkeypatch, "%d nodes", 3)
    assert line.endswith(" WARNING limpet.x: 3 nodes\n")
    assert line.startswith("20")


def test_a_message_cannot_forge_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, "%s", "a\nb\x1b[2J").endswith(": a\\x0ab\\x1b[2J\n")


def test_a_full_queue_loses_records_and_blocks_nobody() -> None:
    records: queue.Queue[logging.LogRecord] = queue.Queue(1)
    handler = Queued(records)
    for _ in range(3):
        handler.handle(logging.makeLogRecord({"msg": "x"}))
    assert records.qsize() == 1


def test_afterwards_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(logging.getLogger().handlers)
    said(monkeypatch, "x")
    assert logging.getLogger().handlers == before
