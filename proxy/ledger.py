"""What an ended exchange leaves behind: counts, a line of the access log, a span."""

from bisect import bisect_left
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from proxy.counters import DURATION_BOUNDS
from proxy.engine import Engine
from proxy.faults import Fault
from proxy.forwarding import Peer
from proxy.placement import PIN_AWAY, Placement
from proxy.record import Record
from proxy.sightings import SLOTS
from sessions.flags import RequestFlag, StateFlag

if TYPE_CHECKING:
    from proxy.delivery import Delivery

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
    secure=False,
    trace=None,
)
_LOCAL: Final = StateFlag.L
_SHORTEST: Final[float] = DURATION_BOUNDS[0]


def close_account(exchange: "Delivery") -> None:
    """Count the exchange, once, and log it."""
    seconds = monotonic() - exchange.began
    placement = exchange.placement
    flags: tuple[int, int, int] | tuple[()] = ()
    if placement is not None:
        flags = _flags(exchange, placement)
        _count(exchange, placement, seconds, flags)
    engine, trace = exchange.engine, exchange.trace
    if engine.log is not None:
        engine.log(_record(exchange, placement, seconds, flags))
    if trace is not None and trace.sampled and engine.tracing is not None:
        secure = engine.forwarding.secure(exchange.client.peer, exchange.fields)
        record = _record(exchange, placement, seconds, flags)
        engine.tracing.ended(record._replace(secure=secure, trace=trace))


def _count(exchange: "Delivery", placement: Placement, seconds: float, flags: tuple[int, int, int]) -> None:
    service, status = placement.service, exchange.status
    counters = service.counters
    if status == 101:  # how long a tunnel lasts is nobody's delay
        seconds = exchange.first_at - exchange.began
    counters.durations[bisect_left(DURATION_BOUNDS, seconds) if seconds > _SHORTEST else 0] += 1
    counters.duration_sum += seconds
    counters.affinity[flags] = counters.affinity.get(flags, 0) + 1
    if placement.node < 0:
        counters.refused[status // 100] += 1
        return
    node = service.nodes[placement.node]
    if exchange.head is not None or not status:
        node.counters.answers[status // 100] += 1
    else:
        counters.refused[status // 100] += 1
    if placement.session_id:
        node.sightings.slots[hash(placement.session_id) % SLOTS] = 1


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


def _flags(exchange: "Delivery", placement: Placement) -> tuple[int, int, int]:
    """The affinity flags; a session that was with its node alone is counted as lost without it, once."""
    visit = placement.visit
    if exchange.custody is not None:  # the keeper counts what is lost
        away = placement.reason in PIN_AWAY or placement.pin_away
        request = RequestFlag.D if away and visit.flag is RequestFlag.V else visit.flag
        return (request, exchange.response_flag, exchange.custody.source)
    if placement.reason not in PIN_AWAY or exchange.head is None:
        return (visit.flag, exchange.response_flag, _LOCAL)
    service = placement.service
    shared = service.options.state_shared
    if service.lost.first(visit.session_id, visit.pin) and not shared:
        service.counters.lost += 1
    return (RequestFlag.D, exchange.response_flag, StateFlag.S if shared else StateFlag.X)


def _record(
    exchange: "Delivery",
    placement: Placement | None,
    seconds: float,
    flags: tuple[int, int, int] | tuple[()],
) -> Record:
    fields, line, began = exchange.fields, exchange.line, exchange.began
    record = _NOTHING._replace(
        time=time() - seconds,
        client=exchange.engine.forwarding.client_address(exchange.client.peer, fields),
        request_id=exchange.request_id.decode("latin-1"),
        method=line.method,
        target=line.target,
        host=line.authority or fields.host,
        minor=line.minor,
        status=exchange.status,
        flags=flags,
        bytes_in=exchange.bytes_in,
        bytes_out=exchange.bytes_out,
        wait_seconds=_since(exchange.connected_at, began),
        first_seconds=_since(exchange.first_at, began),
        total_seconds=seconds,
        fault=exchange.fault,
        user_agent=fields.find(b"user-agent"),
        referer=fields.find(b"referer"),
    )
    if placement is None:
        return record
    return record._replace(
        service=placement.service.name,
        node=placement.service.nodes[placement.node].name if placement.node >= 0 else "",
        reason=placement.reason,
        session=placement.session_id,
        tries=placement.tries,
    )


def _since(moment: float, began: float) -> float:
    return moment - began if moment >= 0 else -1.0
