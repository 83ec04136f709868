"""The lines that proxy and node exchange in batches and lists: one JSON object each."""

import binascii
import json
from collections.abc import Mapping
from itertools import pairwise

from sessions.contract.headers import ContractFault
from sessions.contract.homes import Entry
from sessions.contract.messages import Action, Answer, Call, Kind
from sessions.contract.versions import VERSION_LIMIT

_KINDS = {204: Kind.TAKEN, 200: Kind.HELD, 404: Kind.UNKNOWN, 409: Kind.REFUSED, 410: Kind.ENDED}
_POSSIBLE = {
    Call.GET: (200, 404, 410),
    Call.FENCE: (200, 404, 409, 410),
    Call.PUT: (204, 409, 410),
    Call.END: (204,),
    Call.TOUCH: (204, 404, 410),
}
_Object = Mapping[str, object]


def write_line(session_id: str, action: Action, ttl: int) -> bytes:
    """One line of a batch. `ttl`: seconds for which what it does is to be remembered."""
    call = action.call
    if call is Call.GET:
        return b'{"id":"%b","get":true}\n' % session_id.encode()
    if call is Call.END:
        return b'{"id":"%b","end":true,"ttl":%d}\n' % (session_id.encode(), ttl)
    if call is Call.FENCE:
        return b'{"id":"%b","fence":%d,"ttl":%d}\n' % (session_id.encode(), action.number, ttl)
    if call is Call.TOUCH:
        return b'{"id":"%b","version":%d,"ttl":%d}\n' % (session_id.encode(), action.number, ttl)
    state = binascii.b2a_base64(action.state, newline=False)
    return b'{"id":"%b","version":%d,"ttl":%d,"state":"%b"}\n' % (
        session_id.encode(),
        action.number,
        ttl,
        state,
    )


def read_line(raw: bytes, session_id: str, call: Call) -> Answer | None:
    """The answer to one line of a batch; None: the node could not do it (5xx, too much for one answer).

    Raises ContractFault for a line that is no answer to that call.
    """
    line = _object(raw)
    if line.get("id") != session_id:
        raise ContractFault("answered a batch out of its order")
    status = _integer(line, "status", 100, 600)
    if status == 413 or status >= 500:
        return None
    if status not in _POSSIBLE[call]:
        raise ContractFault(f"answered {status} to a {call.name.lower()}")
    kind = _KINDS[status]
    if kind is Kind.HELD:
        version = _integer(line, "version", 1, VERSION_LIMIT)
        return Answer(kind, version, _state(line), line.get("serving") is True)
    return Answer(kind, _integer(line, "version", 1, VERSION_LIMIT) if kind is Kind.REFUSED else 0)


def read_entries(body: bytes) -> list[Entry]:
    """A page of a node's list. Raises ContractFault, also where it is not in order of id."""
    entries = [_entry(_object(raw)) for raw in body.split(b"\n") if raw]
    ids = [entry.id for entry in entries]
    if any(first >= second for first, second in pairwise(ids)):
        raise ContractFault("sent a list that is not in order of id")
    return entries


def _entry(line: _Object) -> Entry:
    name = line.get("id")
    if not isinstance(name, str) or not name:
        raise ContractFault("sent a line without an id")
    version, ttl = _integer(line, "version", 0, VERSION_LIMIT), _integer(line, "ttl", 0, VERSION_LIMIT)
    return Entry(name, version, ttl, line.get("serving") is True, line.get("ended") is True)


def _object(raw: bytes) -> _Object:
    try:
        line: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise ContractFault("sent a line that is not JSON") from None
    if not isinstance(line, dict):
        raise ContractFault("sent a line that is not a JSON object")
    return line


def _integer(line: _Object, name: str, least: int, limit: int) -> int:
    value = line.get(name)
    if type(value) is not int or not least <= value < limit:  # `True` is an int, and not meant
        raise ContractFault(f"{name} must be an integer from {least} to {limit - 1}")
    return value


def _state(line: _Object) -> bytes:
    state = line.get("state")
    if not isinstance(state, str):
        raise ContractFault("state must be base64 with padding")
    try:
        return binascii.a2b_base64(state, strict_mode=True)
    except ValueError:
        raise ContractFault("state must be base64 with padding") from None
