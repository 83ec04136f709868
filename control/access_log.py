"""Turns ended exchanges into lines of the access log: which are logged, and what a line looks like."""

import re
import time
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Literal

from control.line_writer import LineWriter
from proxy.record import Record
from routing.reasons import REASON_LABELS
from sessions.flags import REQUEST_LABELS, RESPONSE_LABELS, STATE_LABELS

LONGEST = 1024  # characters of one value that a client chose
UNSAFE = re.compile(r"[^ !#-\[\]-~]")  # anything but printable ASCII, and the quote and the backslash

# Lines are made on the event loop, 7 us each and evenly spread: a thread that made them would take the
# interpreter for up to 5 ms at a time while requests wait. Only the write to the file is the thread's.


class AccessLog:
    """Called with each ended exchange; hands the chosen share of them to the writer as lines.

    `sample` is the share that is logged, `random` gives numbers from 0 up to 1, `pseudonym` the name that a
    session has in logs.
    """

    def __init__(
        self,
        style: Literal["text", "json"],
        sample: float,
        writer: LineWriter,
        pseudonym: Callable[[str], str],
        random: Callable[[], float],
    ) -> None:
        self._line = text_line if style == "text" else json_line
        self._sample = sample
        self._writer = writer
        self._pseudonym = pseudonym
        self._random = random

    def __call__(self, record: Record) -> None:
        if self._sample >= 1.0 or self._random() < self._sample:
            self._writer.write(self._line(record, self._pseudonym(record.session)).encode("ascii"))


def text_line(record: Record, session: str) -> str:
    """One readable line: who, where and why, what, how much, how long (milliseconds)."""
    return (
        f"{timestamp(record.time)} {visible(record.client)} {record.service or '-'}/{record.node or '-'}"
        f" {reason(record)} {flags(record) or '-'} {record.status}"
        f' "{clean(record.method)} {clean(record.host)} {clean(record.target)} HTTP/1.{record.minor:d}"'
        f" in={record.bytes_in} out={record.bytes_out}"
        f" wait={milliseconds(record.wait_seconds)} first={milliseconds(record.first_seconds)}"
        f" total={milliseconds(record.total_seconds)} tries={record.tries} fault={record.fault or '-'}"
        f" session={session or '-'} id={visible(record.request_id) or '-'}"
        f' "{clean(record.referer)}" "{clean(record.user_agent)}"\n'
    )


def json_line(record: Record, session: str) -> str:
    """One JSON object; a duration that never began is null. The keys are documented in docs/operating.md."""
    return (
        f'{{"time":"{timestamp(record.time)}","client":{quoted(record.client)},'
        f'"service":"{record.service}","node":"{record.node}","reason":"{reason(record)}",'
        f'"flags":"{flags(record)}","status":{record.status},'
        f'"method":{text(record.method)},"host":{text(record.host)},"target":{text(record.target)},'
        f'"version":"1.{record.minor:d}","bytes_in":{record.bytes_in},"bytes_out":{record.bytes_out},'
        f'"wait_ms":{number(record.wait_seconds)},"first_ms":{number(record.first_seconds)},'
        f'"total_ms":{number(record.total_seconds)},"tries":{record.tries},"fault":"{record.fault}",'
        f'"session":"{session}","request_id":{quoted(record.request_id[:LONGEST])},'
        f'"referer":{text(record.referer)},"user_agent":{text(record.user_agent)}}}\n'
    )


def clean(value: bytes) -> str:
    """Bytes that a client chose, cut to a bound, with nothing in them that could end a field or a line."""
    return visible(value.decode("latin-1"))


def visible(value: str) -> str:
    """Printable ASCII as it is, all else as `\\xNN`, so that no request writes a line of its own."""
    value = value[:LONGEST]
    if UNSAFE.search(value) is None:
        return value
    return UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}", value)


def text(value: bytes) -> str:
    """Bytes that a client chose as a JSON string, read as ISO 8859-1."""
    return quoted(value[:LONGEST].decode("latin-1"))


def reason(record: Record) -> str:
    return REASON_LABELS[record.reason] if record.reason >= 0 else "-"


def flags(record: Record) -> str:
    """Three letters: what the request brought, what the response set, where the state was."""
    if not record.flags:
        return ""
    request, response, state = record.flags
    return REQUEST_LABELS[request] + RESPONSE_LABELS[response] + STATE_LABELS[state]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}" if seconds >= 0 else "-"


def number(seconds: float) -> str:
    return f"{seconds * 1000:.3f}" if seconds >= 0 else "null"


_second: tuple[int, str] = (-1, "")


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds. The date is made once for each second: 0.4 us instead of 2."""
    global _second
    whole = int(seconds)
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return f"{_second[1]}.{int((seconds - whole) * 1000):03d}Z"
