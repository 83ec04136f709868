"""The lines of a batch: how a call is written for a node's endpoint, and what a line of the answer says."""

import binascii
import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from sessions.contract.homes import Entry
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.contract.versions import VERSION_LIMIT
from sessions.ids import id_bytes, id_text

_STATUS_OK, _DONE, _MISSING, _CONFLICT, _GONE, _TOO_LARGE = 200, 204, 404, 409, 410, 413

_PUT: Final = Call.PUT  # bound once: of the enum it costs 70 ns
_TAKEN_LINE: Final = b'{"id":"%b","status":204}\n'


class Fault(IntEnum):
    """What is no answer."""

    GARBAGE = 0  # the line says nothing that can be understood
    TOO_LARGE = 1  # to be asked again by itself: nothing has been done


class Line(NamedTuple):
    """One operation in a batch."""

    id: str
    call: Call | None  # None: touch
    body: bytes
    size: int  # of the line, or of the answer that it may bring
    taken: bytes = b""  # the answer that it gets nearly always, letter for letter; b"": there is none


def write_call(session_id: str, action: Action, ttl: int) -> Line:
    """A call as a line. The id is base64url, so nothing in it needs escaping."""
    call, number, name = action.call, action.number, session_id.encode()
    if call is _PUT:
        state = binascii.b2a_base64(action.state, newline=False)
        body = b'{"id":"%b","version":%d,"ttl":%d,"state":"%b"}\n' % (name, number, ttl, state)
        return Line(session_id, call, body, len(body), _TAKEN_LINE % name)
    if call is Call.END:
        body = b'{"id":"%b","end":true,"ttl":%d}\n' % (name, ttl)
        return Line(session_id, call, body, len(body), _TAKEN_LINE % name)
    if call is Call.FENCE:
        body = b'{"id":"%b","fence":%d,"ttl":%d}\n' % (name, number, ttl)
    else:
        body = b'{"id":"%b","get":true}\n' % name
    return Line(session_id, call, body, 1024)  # at most 64 states in one answer


def write_touch(session_id: str, version: int, ttl: int) -> Line:
    """Keep the copy that is at least `version` for `ttl` seconds more."""
    name = session_id.encode()
    body = b'{"id":"%b","version":%d,"ttl":%d}\n' % (name, version, ttl)
    return Line(session_id, None, body, len(body), _TAKEN_LINE % name)


def read_answers(lines: Sequence[Line], body: bytes) -> list[Answer | Fault]:
    """One for each line that was sent; all are garbage where their number is not the same."""
    # Nearly all answers are these; a JSON parser takes 2 us for each to see it.
    if body.count(b"\n") == len(lines) and body == b"".join([line.taken for line in lines]):
        return [TAKEN] * len(lines)
    answers = body.split(b"\n")
    if answers and not answers[-1]:
        answers.pop()
    if len(answers) != len(lines):
        return [Fault.GARBAGE] * len(lines)
    return [_read(line, raw) for line, raw in zip(lines, answers, strict=True)]


def read_list(body: bytes) -> list[Entry] | None:
    """A page of a node's list; None where that cannot be understood."""
    entries: list[Entry] = []
    for raw in body.split(b"\n"):
        if raw:
            entry = _entry(raw)
            if entry is None or (entries and entry.id <= entries[-1].id):
                return None
            entries.append(entry)
    return entries


def answer_of(status: int, version: int, state: bytes, serving: bool, call: Call | None) -> Answer | Fault:
    """What a status, and what comes with it, says to a call."""
    reads = call is Call.GET or call is Call.FENCE
    if status == _DONE and not reads:
        return TAKEN
    if status == _STATUS_OK and reads and version:
        return Answer(Kind.HELD, version, state, serving)
    if status == _MISSING and (reads or call is None):
        return Answer(Kind.UNKNOWN, version) if version else UNKNOWN
    if status == _CONFLICT and version and call is not Call.GET:
        return Answer(Kind.REFUSED, version)
    if status == _GONE:
        return ENDED
    return Fault.TOO_LARGE if status == _TOO_LARGE and reads else Fault.GARBAGE


def _read(line: Line, raw: bytes) -> Answer | Fault:
    said = _object(raw)
    if said is None or said.get("id") != line.id:
        return Fault.GARBAGE
    status, version = said.get("status"), said.get("version", 0)
    if type(status) is not int or type(version) is not int or not 0 <= version < VERSION_LIMIT:
        return Fault.GARBAGE
    state, serving = said.get("state", ""), said.get("serving", False)
    if not isinstance(state, str) or not isinstance(serving, bool):
        return Fault.GARBAGE
    try:
        unpacked = binascii.a2b_base64(state, strict_mode=True)
    except ValueError:
        return Fault.GARBAGE
    return answer_of(status, version, unpacked, serving, line.call)


def _entry(raw: bytes) -> Entry | None:
    said = _object(raw)
    if said is None:
        return None
    name, version, ttl = said.get("id"), said.get("version"), said.get("ttl")
    serving, ended = said.get("serving"), said.get("ended")
    if not isinstance(name, str) or not _well_formed(name):
        return None
    if type(version) is not int or not 0 <= version < VERSION_LIMIT:
        return None
    if type(ttl) is not int or ttl < 0 or not isinstance(serving, bool) or not isinstance(ended, bool):
        return None
    return Entry(name, version, max(1, ttl), serving, ended)


def _well_formed(name: str) -> bool:
    try:
        return id_text(id_bytes(name)) == name
    except ValueError:
        return False


def _object(raw: bytes) -> Mapping[str, object] | None:
    try:
        said: object = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
