"""Between the machines' actions and what goes over the wire."""

import json
from binascii import a2b_base64

from limpet_session.endpoint import Call as EndpointCall
from limpet_session.endpoint import Reply
from sessions.contract.headers import read_number
from sessions.contract.homes import Entry
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind

TTL = 3600
_TTL = {b"limpet-ttl": b"%d" % TTL}


def to_call(session_id: str, action: Action) -> EndpointCall:
    """An action as a call of a node's endpoint."""
    path, number = f"/{session_id}", b"%d" % action.number
    if action.call is Call.GET:
        return EndpointCall("GET", path, b"", {}, b"")
    if action.call is Call.END:
        return EndpointCall("DELETE", path, b"", _TTL, b"")
    if action.call is Call.PUT:
        return EndpointCall("PUT", path, b"", {b"limpet-version": number, **_TTL}, action.state)
    line = json.dumps({"id": session_id, "fence": action.number, "ttl": TTL}).encode()
    return EndpointCall("POST", "/", b"", {}, line)


def to_answer(action: Action, reply: Reply) -> Answer:
    """A reply of the endpoint as an answer."""
    if action.call is Call.FENCE:
        return _from_line(reply.body)
    status = reply.status
    fields = dict(reply.headers)
    version = read_number(fields.get(b"limpet-version", b"0"), "Limpet-Version")
    if status == 200:
        return Answer(Kind.HELD, version, reply.body, b"limpet-serving" in fields)
    return _without_state(status, version)


def _from_line(body: bytes) -> Answer:
    line = json.loads(body)
    if line["status"] == 200:
        return Answer(Kind.HELD, line["version"], a2b_base64(line["state"]), line["serving"])
    return _without_state(line["status"], line.get("version", 0))


def _without_state(status: int, version: int) -> Answer:
    match status:
        case 204:
            return TAKEN
        case 404:
            return UNKNOWN
        case 409:
            return Answer(Kind.REFUSED, version)
        case 410:
            return ENDED
    raise AssertionError(f"the model's nodes never answer {status}")


def to_entries(reply: Reply) -> list[Entry]:
    """A page of a node's list."""
    lines = [json.loads(line) for line in reply.body.splitlines()]
    return [Entry(line["id"], line["version"], line["ttl"], line["serving"], line["ended"]) for line in lines]
