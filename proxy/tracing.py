"""W3C Trace Context: the trace that an exchange belongs to, and what its node is told of it."""

from collections.abc import Callable
from random import getrandbits
from typing import TYPE_CHECKING, NamedTuple

from proxy.fields import FieldList
from proxy.grammar import TRACEPARENT, TRACESTATE

if TYPE_CHECKING:
    from proxy.record import Record

_MOST_MEMBERS = 32  # of a tracestate (section 3.3.1.1)
_KNOWN_FLAGS = 0x03  # sampled, and that the trace id is random (Level 2, section 3.2.2.5)


class Trace(NamedTuple):
    """One exchange's place in a trace; ids in lower-case hexadecimal digits."""

    trace_id: bytes  # 32 digits
    span_id: bytes  # 16, of the exchange itself
    parent_id: bytes  # 16, of who called; b"": the trace begins here
    flags: int
    state: bytes  # of other tracing systems, passed on as it came

    @property
    def sampled(self) -> bool:
        """Whether a span is to be made."""
        return self.flags & 1 == 1


class Tracing:
    """Decides which exchanges are traced. `ended` is called with each of them when it has ended."""

    __slots__ = ("_anybody", "_bound", "ended")

    def __init__(self, sample: float, anybody: bool, ended: Callable[["Record"], None]) -> None:
        """`sample`: the share of the traces that begin here; `anybody`: whether any client's are continued,
        or only those of trusted proxies."""
        self._bound = round(sample * 2**64)
        self._anybody = anybody
        self.ended = ended

    def begin(self, given: FieldList, trusted: bool) -> Trace:
        """`given`: what the request says of it. Who began a trace has decided whether it is sampled."""
        span_id = b"%016x" % (getrandbits(64) or 1)  # zero is no id
        if given and (trusted or self._anybody):
            trace = _continued(given, span_id)
            if trace is not None:
                return trace
        number = getrandbits(64)
        trace_id = b"%016x%016x" % (getrandbits(64) or 1, number)
        return Trace(trace_id, span_id, b"", int(number < self._bound), b"")


def trace_lines(trace: Trace) -> bytes:
    """The fields for the node."""
    line = b"traceparent: 00-%b-%b-%02x\r\n" % (trace.trace_id, trace.span_id, trace.flags)
    return line + b"tracestate: %b\r\n" % trace.state if trace.state else line


def _continued(given: FieldList, span_id: bytes) -> Trace | None:
    """Section 4.3: a traceparent that is not valid, or not the only one, counts as none."""
    parents = [value for name, value in given if name.lower() == b"traceparent"]
    match = TRACEPARENT.fullmatch(parents[0]) if len(parents) == 1 else None
    if match is None:
        return None
    trace_id, parent_id, flags = match.groups()
    return Trace(trace_id, span_id, parent_id, int(flags, 16) & _KNOWN_FLAGS, _state(given))


def _state(given: FieldList) -> bytes:
    """Section 3.3: several fields count as one; what is not valid is left out whole."""
    state = b",".join([value for name, value in given if name.lower() == b"tracestate"])
    if TRACESTATE.fullmatch(state) is None or state.count(b",") >= _MOST_MEMBERS:
        return b""
    return state
