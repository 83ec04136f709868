"""Says of a cookie, token or session id whose it is, where it is pinned, where it would go now, and why."""

import time
from typing import NamedTuple, TypedDict

from proxy.service import Service
from routing.reasons import REASON_LABELS, Reason
from routing.router import Decision
from routing.states import STATE_LABELS, takes_pinned
from sessions.flags import REQUEST_LABELS, RequestFlag
from sessions.ids import id_bytes
from sessions.privacy import Pseudonyms
from sessions.visit import UNKNOWN, Visit


class Explanation(TypedDict):
    """`session` is the session's name in the access log; times are unix seconds; None: not known."""

    service: str
    known_by: str
    session: str
    flag: str
    pin: str | None
    pin_state: str | None
    node: str | None
    reason: str
    first_seen: int | None
    last_seen: int | None
    order: list[str]


class Door(NamedTuple):
    """A service, and the name of the cookie that its sessions are known by ("" where it is a header)."""

    service: Service
    cookie: str


def explain(door: Door, given: str, pseudonyms: Pseudonyms) -> Explanation | None:
    """None where this service cannot know anything of it.

    `given`: a whole Cookie header, the value of the service's cookie or header, or a session id.
    """
    visit = _visit(door, given)
    if visit.session_id:
        return _explained(door.service, visit, "token" if door.service.affinity.mints else "key", pseudonyms)
    if visit.flag in (RequestFlag.E, RequestFlag.O):
        return _explained(door.service, visit, "expired token", pseudonyms)
    if door.service.affinity.mints and _is_id(given):
        known = visit._replace(session_id=given, flag=RequestFlag.N)
        return _explained(door.service, known, "id", pseudonyms)
    return None


def _visit(door: Door, given: str) -> Visit:
    affinity, value = door.service.affinity, given.encode("latin-1", "replace")
    if affinity.header:
        return affinity.visit(b"", value, int(time.time()))
    named = f"{door.cookie}=".encode()
    cookie = value if named in value else named + value
    return affinity.visit(cookie, b"", int(time.time()))


def _explained(service: Service, visit: Visit, known_by: str, pseudonyms: Pseudonyms) -> Explanation:
    router, key, pin = service.router, visit.session_id, visit.pin
    nodes = router.view.nodes
    node, reason = _decision(service, visit)
    away = pin >= 0 and not takes_pinned(router.view.contract)[nodes[pin].state]
    return {
        "service": service.name,
        "known_by": known_by,
        "session": pseudonyms.session_hash(key),
        "flag": REQUEST_LABELS[RequestFlag.D if away else visit.flag],
        "pin": nodes[pin].name if pin >= 0 else None if pin == UNKNOWN else "(no longer configured)",
        "pin_state": STATE_LABELS[nodes[pin].state] if pin >= 0 else None,
        "node": nodes[node].name if node >= 0 else None,
        "reason": REASON_LABELS[reason],
        "first_seen": visit.token.first_seen if visit.token else None,
        "last_seen": visit.token.last_seen if visit.token else None,
        "order": [nodes[index].name for index in router.view.ring.order(key)] if key else [],
    }


def _decision(service: Service, visit: Visit) -> Decision:
    if not visit.session_id:
        return -1, Reason.NEW  # it gets an id that nobody knows yet
    if service.affinity.mints:
        return service.router.decide(visit.session_id, visit.pin, service.inflight, 0)
    return service.router.decide_hashed(visit.session_id, service.inflight, 0)


def _is_id(given: str) -> bool:
    try:
        return len(id_bytes(given)) == 16
    except ValueError:
        return False
