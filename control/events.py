"""What happened lately, as people read it: told along with lines of the log, kept at a bounded number."""

import logging
from collections import deque
from itertools import count
from typing import TypedDict

KEPT = 500
LONGEST = 400  # characters
LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.NOTSET, "info"))
_NAME = "limpet_event"


class Event(TypedDict):
    """`id` grows; `time` in unix seconds; `level`: `info`, `warning` or `error`.

    `kind`: `state` (of a node), `failover` (sessions that went to other nodes), or `log`, anything else that
    was worth a warning; `service` and `node` are None where it is not about one.
    """

    id: int
    time: float
    level: str
    kind: str
    service: str | None
    node: str | None
    text: str


class _Told(TypedDict):
    kind: str
    service: str | None
    node: str | None
    text: str


def told(kind: str, service: str, node: str, text: str) -> dict[str, _Told]:
    """The `extra` of a log call, for those who read events rather than lines of `key=value`."""
    return {_NAME: _Told(kind=kind, service=service, node=node, text=text)}


def note(name: str, level: int, text: str) -> None:
    """Have something for the dashboard that another process has logged already."""
    record = logging.makeLogRecord({"name": name, "levelno": level, "msg": text})
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Events):
            handler.handle(record)


class Events(logging.Handler):
    """Keeps what is told, and each other warning. Records may come from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._ids = count(1)

    def emit(self, record: logging.LogRecord) -> None:
        known: _Told | None = getattr(record, _NAME, None)
        if known is None:
            if record.levelno < logging.WARNING:
                return
            known = _Told(kind="log", service=None, node=None, text=record.getMessage())
        level = next(word for number, word in LEVELS if record.levelno >= number)
        text = known["text"] if len(known["text"]) <= LONGEST else known["text"][: LONGEST - 1] + "…"
        event = Event(
            id=next(self._ids),
            time=round(record.created, 3),
            level=level,
            kind=known["kind"],
            service=known["service"],
            node=known["node"],
            text=text,
        )
        self._kept.append(event)

    def after(self, last: int) -> list[Event]:
        """Those with a higher id, the oldest first; all where none is as high: it is of another life."""
        events = list(self._kept)
        if events and events[-1]["id"] < last:
            return events
        return [event for event in events if event["id"] > last]
