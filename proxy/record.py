"""What is known of an exchange when it has ended: a line of the access log."""

from collections.abc import Callable
from typing import NamedTuple

from proxy.tracing import Trace


class Record(NamedTuple):
    """One ended exchange. Times are seconds; a duration that never began is -1."""

    time: float  # wall clock at the request's head
    client: str
    request_id: str
    method: bytes
    target: bytes
    host: bytes
    minor: int  # HTTP/1.x
    status: int  # as sent to the client; 0: none was sent
    service: str
    node: str
    reason: int  # routing.reasons.Reason, or -1
    flags: tuple[int, int, int] | tuple[()]  # request, response, state; () before a service was found
    session: str  # the session's id: to be logged only as a keyed hash
    bytes_in: int
    bytes_out: int
    wait_seconds: float  # until an upstream connection was there
    first_seconds: float  # until the node's response head
    total_seconds: float
    tries: int
    fault: str  # a fixed word, "" where all went well
    user_agent: bytes
    referer: bytes
    secure: bool  # by https; as the trace, only known where a span is to be made
    trace: Trace | None


AccessLog = Callable[[Record], None]
