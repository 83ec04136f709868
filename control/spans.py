"""Ended exchanges as OpenTelemetry's spans, by its semantic conventions for HTTP servers (1.23 and later)."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from control.access_log import LONGEST, flags, reason
from control.build import version
from proxy.record import Record
from proxy.tracing import Trace

METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH", b"CONNECT"))
NAMELESS = "unknown_service"  # how the SDK's name for who has none begins
SCOPE = InstrumentationScope("limpet", version())

Attributes = Mapping[str, str | int | float]


class Said(logging.Handler):
    """Keeps the last thing that the SDK said, in place of a line in the log for each try."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


SAID = Said()
_sdk = logging.getLogger("opentelemetry")
_sdk.addHandler(SAID)
_sdk.propagate = False


class Exporter:
    """Sends spans to a collector by OTLP over HTTP. What the file does not say, OTEL_* variables do.

    Raises ValueError or OSError for variables that the SDK cannot use.
    """

    def __init__(self, collector: str | None, service_name: str | None) -> None:
        self._exporter = OTLPSpanExporter(f"{collector}/v1/traces" if collector else None)
        self._resource = _resource(service_name)

    def send(self, records: Sequence[Record]) -> str:
        """Why it could not be done, "" where it was. May take as long as OTEL_EXPORTER_OTLP_TIMEOUT: 10 s."""
        result = self._exporter.export([span(record, self._resource) for record in records])
        return "" if result is SpanExportResult.SUCCESS else SAID.last or "the collector refuses them"

    def close(self) -> None:
        """Try nothing again any more."""
        cast(Any, self._exporter).shutdown()  # it has no types


def span(record: Record, resource: Resource) -> ReadableSpan:
    """Of an exchange that is traced; `record.session` as a name that logs may show."""
    trace = record.trace
    assert trace is not None, "it is traced"
    begin = int(record.time * 1e9)
    known = record.method in METHODS
    return ReadableSpan(
        record.method.decode() if known else "HTTP",
        context=_context(trace, trace.span_id, remote=False),
        parent=_context(trace, trace.parent_id, remote=True) if trace.parent_id else None,
        resource=resource,
        attributes=_attributes(record),
        kind=SpanKind.SERVER,
        status=Status(StatusCode.ERROR) if error_type(record) else Status(),
        start_time=begin,
        end_time=begin + int(record.total_seconds * 1e9),
        instrumentation_scope=SCOPE,
    )


def error_type(record: Record) -> str:
    """What went wrong, "" where nothing did; what a client did wrong is no failure of who serves it."""
    if record.status >= 500:
        return record.fault or str(record.status)
    return record.fault if record.status < 400 else ""


def _attributes(record: Record) -> Attributes:
    path, _, query = record.target.partition(b"?")
    host, port = _place(record.host)
    known = record.method in METHODS
    found: dict[str, str | int | float] = {
        "http.request.method": record.method.decode() if known else "_OTHER",
        "http.request.method_original": "" if known else _text(record.method),
        "url.scheme": "https" if record.secure else "http",
        "url.path": _text(path),
        "url.query": _text(query),
        "http.response.status_code": record.status,
        "error.type": error_type(record),
        "server.address": host,
        "server.port": port,
        "client.address": record.client,
        "network.protocol.name": "http",
        "network.protocol.version": f"1.{record.minor:d}",
        "user_agent.original": _text(record.user_agent),
        "limpet.service": record.service,
        "limpet.node": record.node,
        "limpet.reason": reason(record) if record.reason >= 0 else "",
        "limpet.flags": flags(record),
        "limpet.fault": record.fault,
        "limpet.session": record.session,
        "limpet.request_id": record.request_id[:LONGEST],
    }
    found = {key: value for key, value in found.items() if value not in ("", 0)}
    if record.wait_seconds >= 0:
        found["limpet.wait_seconds"] = record.wait_seconds
    if record.first_seconds >= 0:
        found["limpet.first_byte_seconds"] = record.first_seconds
    counts = {
        "http.request.size": record.bytes_in,
        "http.response.size": record.bytes_out,
        "limpet.retries": max(record.tries - 1, 0),
    }
    return found | counts


def _place(host: bytes) -> tuple[str, int]:
    """The host and the port of a Host field; 0 where it has none."""
    name, colon, port = host.rpartition(b":")
    if not colon or port.endswith(b"]"):
        return _text(host), 0
    return _text(name), int(port or b"0")


def _text(value: bytes) -> str:
    return value[:LONGEST].decode("latin-1")


def _context(trace: Trace, span_id: bytes, remote: bool) -> SpanContext:
    state = TraceState.from_header([trace.state.decode("ascii")]) if trace.state else None
    return SpanContext(int(trace.trace_id, 16), int(span_id, 16), remote, TraceFlags(trace.flags), state)


def _resource(service_name: str | None) -> Resource:
    found = Resource.create({SERVICE_VERSION: version()})
    if service_name is None and str(found.attributes[SERVICE_NAME]).startswith(NAMELESS):
        service_name = "limpet"
    return found.merge(Resource({SERVICE_NAME: service_name})) if service_name else found
