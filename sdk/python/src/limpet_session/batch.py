"""Reads and answers the lines of a batch: many operations in one body, each with a status of its own."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from limpet_session import headers
from limpet_session.headers import TTL_LIMIT, Malformed
from limpet_session.operations import End, Fence, Get, Operation, Put, Touch
from limpet_session.record import VERSION_LIMIT
from limpet_session.rules import Verdict

Value = object
Line = dict[str, Value]


class Bad(NamedTuple):
    """A line that is none of these."""

    id: str | None
    why: str


# What comes before the state in nearly all lines, as Limpet writes them, and after it.
_USUAL = re.compile(
    rb'{"id":"([A-Za-z0-9_-]{21}[AQgw])","version":([1-9][0-9]{0,14}),"ttl":([1-9][0-9]{0,7}),"state":"'
)
_END = b'"}'
_FORMS = "a line must have an id and one of version and ttl, with or without state; end; get; fence"


def read_lines(body: bytes) -> list[Operation | Bad]:
    """One for each line that is not empty."""
    lines: list[Operation | Bad] = []
    at = 0
    while at < len(body):
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        usual = _read_usual(body, at, end)
        if usual is not None:
            lines.append(usual)
        elif (line := body[at:end]).strip():
            lines.append(_read_line(line))
        at = end + 1
    return lines


def _read_usual(body: bytes, at: int, end: int) -> Put | None:
    """The copy in `body[at:end]`, where nothing in it needs JSON's parser, which would go over all of the
    state first; nor is that moved before it is unpacked."""
    usual = _USUAL.match(body, at, end)
    if usual is None or not body.endswith(_END, usual.end(), end):
        return None
    try:
        state = headers.unpack(memoryview(body)[usual.end() : end - len(_END)], "state")
    except Malformed:
        return None
    return Put(usual[1].decode(), int(usual[2]), state, int(usual[3]))


def _read_line(raw: bytes) -> Operation | Bad:
    try:
        line: Value = json.loads(raw.decode())  # from bytes it first looks for UTF-16
    except (ValueError, RecursionError):
        return Bad(None, "a line must be a JSON object")
    if not isinstance(line, dict):
        return Bad(None, "a line must be a JSON object")
    name = line.get("id")
    try:
        return _operation(headers.session_id(name if isinstance(name, str) else ""), line)
    except Malformed as error:
        return Bad(name if isinstance(name, str) else None, str(error))


def _operation(name: str, line: Line) -> Operation:
    forms = [form for form in _READERS if form in line]
    if len(forms) != 1:
        raise Malformed(_FORMS)
    return _READERS[forms[0]](name, line)


def _copy(name: str, line: Line) -> Operation:
    version, ttl = _integer(line, "version", 1, VERSION_LIMIT), _integer(line, "ttl", 1, TTL_LIMIT)
    if "state" not in line:
        return Touch(name, version, ttl)
    state = line["state"]
    if not isinstance(state, str):
        raise Malformed("state must be base64 with padding")
    return Put(name, version, headers.unpack(state, "state"), ttl)


def _end(name: str, line: Line) -> Operation:
    if line["end"] is not True:
        raise Malformed("end must be true")
    return End(name, _integer(line, "ttl", 1, TTL_LIMIT))


def _get(name: str, line: Line) -> Operation:
    if line["get"] is not True:
        raise Malformed("get must be true")
    return Get(name)


def _fence(name: str, line: Line) -> Operation:
    number = _integer(line, "fence", 1, VERSION_LIMIT)
    return Fence(name, number, _integer(line, "ttl", 1, TTL_LIMIT) if "ttl" in line else 0)


def _integer(line: Line, name: str, least: int, limit: int) -> int:
    value = line.get(name)
    if type(value) is not int or not least <= value < limit:  # `True` is an int, and not meant
        raise Malformed(f"{name} must be an integer from {least} to {limit - 1}")
    return value


_READERS: dict[str, Callable[[str, Line], Operation]] = {
    "version": _copy,
    "end": _end,
    "get": _get,
    "fence": _fence,
}


def write_line(name: str | None, verdict: Verdict, error: str = "") -> bytes:
    """An operation's answer as one line."""
    if verdict.status == 204 and name and not verdict.version:
        return b'{"id":"%b","status":204}\n' % name.encode()  # nearly all; `name` is base64url
    line: Line = {"id": name, "status": verdict.status}
    if verdict.version:
        line["version"] = verdict.version
    if verdict.status == 200:
        line["serving"] = verdict.serving
        line["state"] = headers.pack(verdict.state).decode()
    if error:
        line["error"] = error
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
