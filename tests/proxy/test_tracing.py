"""W3C Trace Context: what is continued, what begins anew."""

import pytest

from proxy.fields import FieldList
from proxy.tracing import Trace, Tracing, trace_lines

TRACE_ID, CALLER = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"
GOOD = b"00-" + TRACE_ID + b"-" + CALLER + b"-01"


def begun(*fields: tuple[bytes, bytes], sample: float = 0.0, anybody: bool = True) -> Trace:
    given: FieldList = list(fields)
    return Tracing(sample, anybody, lambda record: None).begin(given, False)


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (GOOD, 1),
        (GOOD[:-2] + b"00", 0),
        (GOOD[:-2] + b"ff", 3),  # what the other bits mean is not known
        (b"cc" + GOOD[2:], 1),
        (b"cc" + GOOD[2:] + b"-what later versions have", 1),
    ],
)
def test_a_valid_parent_is_continued(value: bytes, flags: int) -> None:
    trace = begun((b"Traceparent", value))
    assert trace[:1] + trace[2:] == (TRACE_ID, CALLER, flags, b"")
    assert len(trace.span_id) == 16 and trace.span_id != CALLER
    assert trace_lines(trace) == b"traceparent: 00-%b-%b-%02x\r\n" % (TRACE_ID, trace.span_id, flags)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        GOOD[:-1],
        GOOD + b"-x",
        GOOD + b"\n",
        b"ff" + GOOD[2:],
        b"cc" + GOOD[2:] + b"x",
        b"0" + GOOD,
        GOOD.upper().replace(b"4BF9", b"4bF9"),
        GOOD.replace(TRACE_ID, b"0" * 32),
        GOOD.replace(CALLER, b"0" * 16),
        GOOD.replace(b"4bf9", b"4bg9"),
        GOOD.replace(b"-", b"_"),
        GOOD[:-2] + b"0X",
        b"00-\xff" + GOOD[4:],
    ],
)
def test_anything_else_begins_a_trace(value: bytes) -> None:
    trace = begun((b"traceparent", value), (b"tracestate", b"a=1"))
    assert trace.trace_id != TRACE_ID
    assert (len(trace.trace_id), trace.parent_id, trace.state) == (32, b"", b"")


def test_two_parents_are_none() -> None:
    assert begun((b"traceparent", GOOD), (b"traceparent", GOOD)).parent_id == b""


@pytest.mark.parametrize(
    ("values", "passed"),
    [
        ([b"a=1"], b"a=1"),
        ([b"a=1", b"b@c=2,, d/x=3 4"], b"a=1,b@c=2,, d/x=3 4"),
        ([b"a"], b""),
        ([b"A=1"], b""),
        ([b"a=\xe4"], b""),
        ([b",".join(b"k%d=v" % number for number in range(33))], b""),
        ([b"a" * 257 + b"=1"], b""),
    ],
)
def test_the_state_of_others_passes_where_it_is_one(values: list[bytes], passed: bytes) -> None:
    fields = [(b"traceparent", GOOD), *((b"TraceState", value) for value in values)]
    trace = begun(*fields)
    assert trace.state == passed
    assert trace_lines(trace).endswith(b"tracestate: %b\r\n" % passed) == bool(passed)


def test_the_share_of_new_traces_is_as_asked() -> None:
    for sample, least, most in ((0.0, 0, 0), (0.25, 350, 650), (1.0, 2000, 2000)):
        tracing = Tracing(sample, True, lambda record: None)
        sampled = sum(tracing.begin([], False).sampled for _ in range(2000))
        assert least <= sampled <= most
