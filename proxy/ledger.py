"""What an ended exchange leaves behind: counts, and a line of the access log."""

from bisect import bisect_left
from time import monotonic, time
from typing import Protocol

from proxy.counters import DURATION_BOUNDS
from proxy.engine import Engine
from proxy.faults import Fault
from proxy.forwarding import Peer
from proxy.record import Record
from proxy.request import RequestFields, RequestLine
from proxy.response import ResponseHead
from proxy.service import Service
from proxy.sightings import SLOTS
from routing.reasons import Reason
from sessions.flags import RequestFlag, ResponseFlag, StateFlag
from sessions.visit import Visit

_NOTHING = Record(
    time=0.0,
    client="",
    request_id="",
    method=b"",
    target=b"",
    host=b"",
    minor=1,
    status=0,
    service="",
    node="",
    reason=-1,
    flags=(),
    session="",
    bytes_in=0,
    bytes_out=0,
    wait_seconds=-1.0,
    first_seconds=-1.0,
    total_seconds=0.0,
    tries=0,
    fault="",
    user_agent=b"",
    referer=b"",
)
_LOST = (Reason.FAILOVER, Reason.DRAINED)


class Ended(Protocol):
    """An exchange, when it is over. Moments are monotonic seconds, -1 for what never came."""

    began: float
    connected_at: float
    first_at: float
    engine: Engine
    line: RequestLine
    fields: RequestFields
    service: Service | None
    visit: Visit
    session_id: str
    node: int
    reason: Reason
    head: ResponseHead | None
    response_flag: ResponseFlag
    status: int
    fault: str
    tries: int
    bytes_in: int
    bytes_out: int
    request_id: bytes

    @property
    def peer(self) -> Peer: ...


def close_account(exchange: Ended) -> None:
    """Count the exchange, once, and log it."""
    seconds = monotonic() - exchange.began
    service = exchange.service
    flags: tuple[int, int, int] | tuple[()] = ()
    if service is not None:
        counters = service.counters
        lasted = exchange.first_at - exchange.began if exchange.status == 101 else seconds
        counters.durations[bisect_left(DURATION_BOUNDS, lasted)] += 1
        counters.duration_sum += lasted
        flags = _flags(exchange)
        counters.affinity[flags] = counters.affinity.get(flags, 0) + 1
        if exchange.head is not None or (exchange.node >= 0 and not exchange.status):
            service.nodes[exchange.node].counters.answers[exchange.status // 100] += 1
        else:
            counters.refused[exchange.status // 100] += 1
        if exchange.session_id and exchange.node >= 0:
            service.nodes[exchange.node].sightings.slots[hash(exchange.session_id) % SLOTS] = 1
    log = exchange.engine.log
    if log is not None:
        log(_record(exchange, seconds, flags))


def log_refusal(engine: Engine, peer: Peer, request_id: bytes, fault: Fault) -> None:
    """Count and log what was refused before it could become an exchange."""
    engine.counters.reject(fault.reason)
    if engine.log is not None:
        refused = _NOTHING._replace(
            time=time(),
            client=peer.address,
            request_id=request_id.decode("latin-1"),
            status=fault.status,
            fault=fault.reason,
        )
        engine.log(refused)


def _flags(exchange: Ended) -> tuple[int, int, int]:
    """The affinity flags; a session whose node could not serve it is counted as lost, once."""
    visit, reason, service = exchange.visit, exchange.reason, exchange.service
    request: int = visit.flag
    state = StateFlag.L
    if reason in _LOST and exchange.head is not None and service is not None:
        request = RequestFlag.D
        state = StateFlag.X
        if service.lost.first(visit.session_id, visit.pin):
            service.counters.lost += 1
    return (request, exchange.response_flag, state)


def _record(exchange: Ended, seconds: float, flags: tuple[int, int, int] | tuple[()]) -> Record:
    service, fields, began = exchange.service, exchange.fields, exchange.began
    forwarding = exchange.engine.forwarding
    return Record(
        time=time() - seconds,
        client=forwarding.client_address(exchange.peer, fields),
        request_id=exchange.request_id.decode("latin-1"),
        method=exchange.line.method,
        target=exchange.line.target,
        host=exchange.line.authority or fields.host,
        minor=exchange.line.minor,
        status=exchange.status,
        service=service.name if service is not None else "",
        node=service.nodes[exchange.node].name if service is not None and exchange.node >= 0 else "",
        reason=exchange.reason if service is not None else -1,
        flags=flags,
        session=exchange.session_id,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        wait_seconds=_since(exchange.connected_at, began),
        first_seconds=_since(exchange.first_at, began),
        total_seconds=seconds,
        tries=exchange.tries,
        fault=exchange.fault,
        user_agent=fields.find(b"user-agent"),
        referer=fields.find(b"referer"),
    )


def _since(moment: float, began: float) -> float:
    return moment - began if moment >= 0 else -1.0
