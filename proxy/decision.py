"""Asks the router the question that fits the request: of a pin, a new session, a foreign key, or none."""

from proxy.service import Service
from routing.reasons import Reason
from sessions.visit import Visit


def decide(
    service: Service, visit: Visit, session_id: str, address: str, now: float, tried: int
) -> tuple[int, Reason]:
    """The node's index (-1: nobody) and why; counted.

    `session_id`: the visit's, or a fresh one where the service mints them; `address`: the client's; `now`:
    monotonic seconds; `tried`: a bit for each node that must not be asked again.
    """
    router, inflight = service.router, service.inflight
    if visit.token is not None:  # waits for its own node, however full that is
        decision = router.decide(session_id, visit.pin, inflight, tried)
    elif session_id and not service.affinity.mints:
        decision = router.decide_hashed(session_id, inflight, tried)
    else:
        full = service.full_nodes() if service.bounded else 0
        decision = _decide_freely(service, session_id, address, now, tried | full)
        if decision[0] < 0 and full:
            decision = _decide_freely(service, session_id, address, now, tried)
    service.counters.decisions[decision[1]] += 1
    return decision


def _decide_freely(
    service: Service, session_id: str, address: str, now: float, tried: int
) -> tuple[int, Reason]:
    if session_id:
        return service.router.decide_new(session_id, address, service.inflight, now, tried)
    return service.router.decide_balanced(service.inflight, tried)
