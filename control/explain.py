"""Says of a cookie, token or session id whose it is, who holds it, where it would go now, and why."""

import time
from typing import NamedTuple

from control.explanation import GONE, Explanation, because
from control.keeping import Kept
from control.whereabouts import whereabouts
from proxy.service import Service
from routing.reasons import REASON_LABELS, Reason
from routing.router import Decision
from routing.states import STATE_LABELS, Membership, takes_pinned
from sessions.flags import REQUEST_LABELS, RequestFlag
from sessions.ids import id_bytes
from sessions.privacy import Pseudonyms
from sessions.visit import UNKNOWN, Visit


class Door(NamedTuple):
    """A service, the name of the cookie that its sessions are known by ("" where it is a header), and how
    they are kept where its nodes speak the session contract."""

    service: Service
    cookie: str
    kept: Kept | None = None


async def explain(door: Door, given: str, pseudonyms: Pseudonyms) -> Explanation | None:
    """None where this service cannot know anything of it.

    `given`: a whole Cookie header, the value of the service's cookie or header, or a session id.
    """
    visit = _visit(door, given)
    if visit.session_id:
        known_by = "token" if door.service.affinity.mints else "key"
    elif visit.flag in (RequestFlag.E, RequestFlag.O):
        known_by = "expired token"
    elif door.service.affinity.mints and _is_id(given):
        visit, known_by = visit._replace(session_id=given, flag=RequestFlag.N), "id"
    else:
        return None
    explanation = _explained(door.service, visit, known_by, pseudonyms)
    if door.kept is not None and visit.session_id:
        explanation["holders"] = await whereabouts(door.kept, visit.session_id)
    explanation["because"] = because(explanation, door.service.router.view)
    return explanation


def _visit(door: Door, given: str) -> Visit:
    affinity, value = door.service.affinity, given.encode("latin-1", "replace")
    if affinity.header:
        return affinity.visit(b"", value, int(time.time()))
    named = f"{door.cookie}=".encode()
    cookie = value if named in value else named + value
    return affinity.visit(cookie, b"", int(time.time()))


def _explained(service: Service, visit: Visit, known_by: str, pseudonyms: Pseudonyms) -> Explanation:
    router, key, pin = service.router, visit.session_id, visit.pin
    nodes, token = router.view.nodes, visit.token
    node, reason = _decision(service, visit)
    there = pin >= 0 and nodes[pin].membership is not Membership.GONE
    away = pin >= 0 and not takes_pinned(router.view.contract)[nodes[pin].state]
    return {
        "service": service.name,
        "known_by": known_by,
        "session": pseudonyms.session_hash(key),
        "flag": REQUEST_LABELS[RequestFlag.D if away else visit.flag],
        "pin": nodes[pin].name if there else None if pin == UNKNOWN else GONE,
        "pin_state": STATE_LABELS[nodes[pin].state] if there else None,
        "node": nodes[node].name if node >= 0 else None,
        "reason": REASON_LABELS[reason],
        "because": "",
        "first_seen": token.first_seen if token else None,
        "last_seen": token.last_seen if token else None,
        "version": token.version if token else None,
        "order": [nodes[index].name for index in router.view.ring.order(key)] if key else [],
        "holders": None,
    }


def _decision(service: Service, visit: Visit) -> Decision:
    if not visit.session_id:
        return -1, Reason.NEW  # it gets an id that nobody knows yet
    if service.affinity.mints:
        return service.router.decide(visit.session_id, visit.pin, service.everywhere, 0)
    return service.router.decide_hashed(visit.session_id, service.everywhere, 0)


def _is_id(given: str) -> bool:
    try:
        return len(id_bytes(given)) == 16
    except ValueError:
        return False
