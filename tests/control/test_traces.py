"""Spans at a real collector, decoded by OpenTelemetry's own schema."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from config.log_settings import Tracing
from control.traces import MOST_WAITING, Counts, Sender, Traces, tracing_of
from proxy.ledger import _NOTHING
from proxy.record import Record
from proxy.tracing import Trace
from tests.control.collector import Collector, attributes, collecting
from tests.scenarios.harness import (
    RawNode,
    Recorder,
    RunningProxy,
    eventually,
    header,
    proxied,
    read_request,
    running_proxy,
    service,
    started,
)

TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GET = b"GET /app?x=1 HTTP/1.1\r\nHost: shop.example.com:8080\r\nUser-Agent: curl\r\n"
FROM_CALLER = b"traceparent: 00-%b-%b-01\r\n" % (TRACE_ID.encode(), CALLER.encode())


@asynccontextmanager
async def traced(proxy: RunningProxy, collector: Collector, **options: Any) -> AsyncIterator[Traces]:
    traces = Traces(Tracing(otlp=collector.url, **options))
    proxy.engine.trace(tracing_of(traces.sender, lambda session: f"hash of {len(session)}"))
    try:
        yield traces
    finally:
        await asyncio.to_thread(traces.close)


async def one_span(collector: Collector) -> Span:
    await eventually(lambda: bool(collector.spans), 60)
    (span,) = collector.spans
    return span


async def test_an_exchange_is_a_span_of_its_clients_trace() -> None:
    node = Recorder()
    async with proxied(node) as proxy, collecting() as collector, traced(proxy, collector):
        wire = await proxy.connect()
        await wire.exchange(GET + FROM_CALLER + b"tracestate: vendor=1\r\n\r\n")
        span = await one_span(collector)
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, CALLER)
        sent = header(node.heads[0], b"traceparent")
        assert sent == [f"00-{TRACE_ID}-{span.span_id.hex()}-01".encode()]
        assert header(node.heads[0], b"tracestate") == [b"vendor=1"]
        assert (span.name, span.kind, span.trace_state) == ("GET", Span.SPAN_KIND_SERVER, "vendor=1")
        assert span.status.code == Status.STATUS_CODE_UNSET
        assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60e9
        found = attributes(span)
        timed = found.pop("limpet.wait_seconds"), found.pop("limpet.first_byte_seconds")
        assert all(isinstance(each, float) and each >= 0 for each in timed)
        assert found.pop("limpet.request_id") == proxy.records[0].request_id
        assert found == {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": "/app",
            "url.query": "x=1",
            "http.response.status_code": 200,
            "server.address": "shop.example.com",
            "server.port": 8080,
            "client.address": "127.0.0.1",
            "network.protocol.name": "http",
            "network.protocol.version": "1.1",
            "user_agent.original": "curl",
            "http.request.size": proxy.records[0].bytes_in,
            "http.response.size": proxy.records[0].bytes_out,
            "limpet.service": "app",
            "limpet.node": "a",
            "limpet.reason": "new",
            "limpet.flags": "NIL",
            "limpet.session": f"hash of {len(proxy.records[0].session)}",
            "limpet.retries": 0,
        }
        assert collector.resources[0]["service.name"] == "limpet"


async def test_each_request_of_a_connection_has_a_span_of_its_own() -> None:
    node = Recorder()
    async with proxied(node) as proxy, collecting() as collector, traced(proxy, collector, service_name="x"):
        wire = await proxy.connect()
        for _ in range(2):
            await wire.exchange(GET + b"\r\n")  # the same bytes: what was written for the node is used again
        await eventually(lambda: len(collector.spans) == 2, 60)
        ids = [(span.trace_id.hex(), span.span_id.hex()) for span in collector.spans]
        sent = [header(head, b"traceparent") for head in node.heads]
        assert sent == [[f"00-{trace}-{span}-01".encode()] for trace, span in ids]
        assert len({trace for trace, _ in ids}) == 2
        assert collector.resources[0]["service.name"] == "x"


async def test_a_failure_is_told_with_its_retries() -> None:
    async def slams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    nodes, retries = [RawNode(slams), RawNode(slams)], {"budget": 1, "wait": "0s"}
    async with (
        started(*nodes),
        running_proxy({"app": service([node.port for node in nodes], retries=retries)}) as proxy,
        collecting() as collector,
        traced(proxy, collector),
    ):
        head, _ = await (await proxy.connect()).exchange(GET + b"\r\n")
        assert head.startswith(b"HTTP/1.1 502 ")
        span = await one_span(collector)
        found = attributes(span)
        assert span.status.code == Status.STATUS_CODE_ERROR
        assert (found["http.response.status_code"], found["error.type"]) == (502, "node_closed")
        assert found["limpet.retries"] == proxy.records[0].tries - 1 == 1


async def test_who_began_a_trace_decides_whether_it_is_sampled() -> None:
    node = Recorder()
    async with proxied(node) as proxy, collecting() as collector:
        async with traced(proxy, collector, sample=1.0):
            wire = await proxy.connect()
            await wire.exchange(GET + FROM_CALLER.replace(b"-01\r\n", b"-00\r\n") + b"\r\n")
        assert header(node.heads[0], b"traceparent")[0].endswith(b"-00")
        async with traced(proxy, collector, sample=0.0) as traces:
            await wire.exchange(GET + FROM_CALLER + b"\r\n")
            await wire.exchange(GET + b"\r\n")
        assert header(node.heads[2], b"traceparent")[0].endswith(b"-00")
        assert [span.trace_id.hex() for span in collector.spans] == [TRACE_ID]
        assert (traces.counts.sent, traces.counts.lost) == (1, 0)


async def test_without_tracing_the_context_passes_untouched() -> None:
    node = Recorder()
    async with proxied(node) as proxy, collecting() as collector:
        wire = await proxy.connect()
        await wire.exchange(GET + b"traceparent: anything\r\nTraceState: at all\r\n\r\n")
        assert header(node.heads[0], b"traceparent") == [b"anything"]
        async with traced(proxy, collector):
            await wire.exchange(GET + b"traceparent: anything\r\nTraceState: at all\r\n\r\n")
        proxy.engine.trace(None)
        await wire.exchange(GET + b"traceparent: anything\r\nTraceState: at all\r\n\r\n")
        first, second, third = node.heads
        assert header(first, b"tracestate") == header(third, b"tracestate") == [b"at all"]
        assert header(third, b"traceparent") == [b"anything"]
        (made,) = header(second, b"traceparent")
        assert made.startswith(b"00-") and not header(second, b"tracestate")


async def test_strangers_begin_traces_of_their_own_where_only_proxies_are_believed() -> None:
    node = Recorder()
    async with proxied(node) as proxy, collecting() as collector:
        async with traced(proxy, collector, continue_from="trusted_proxies"):
            await (await proxy.connect()).exchange(GET + FROM_CALLER + b"\r\n")
        assert TRACE_ID.encode() not in node.heads[0]


class Stuck:
    """A collector that takes as long as the test wants."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.taken: list[Record] = []
        self.why = ""

    def send(self, records: list[Record]) -> str:
        self.may_go_on.wait(60)
        self.taken += records
        return self.why

    def close(self) -> None:
        self.may_go_on.set()


RECORD = _NOTHING._replace(trace=Trace(b"1" * 32, b"2" * 16, b"", 1, b""))


async def test_what_a_slow_collector_does_not_take_is_lost_and_counted() -> None:
    stuck, counts = Stuck(), Counts()
    sender = Sender(Tracing(), stuck, counts)
    for _ in range(MOST_WAITING + 100):
        sender.add(RECORD)
    assert counts.lost >= 68  # a batch may be under way
    stuck.may_go_on.set()
    await asyncio.to_thread(sender.close)
    assert counts.sent + counts.lost == MOST_WAITING + 100
    assert counts.sent == len(stuck.taken)


async def test_a_collector_that_refuses_is_complained_about_once(caplog: pytest.LogCaptureFixture) -> None:
    async with collecting() as collector:
        collector.status = 400
        traces = Traces(Tracing(otlp=collector.url))
        assert traces.sender is not None
        caplog.set_level("INFO", "limpet.tracing")
        for count in (1, 2):
            traces.sender.add(RECORD)
            await eventually(lambda count=count: traces.counts.failed == count, 60)  # type: ignore[misc]
        collector.status = 200
        traces.sender.add(RECORD)
        await asyncio.to_thread(traces.close)
        assert traces.counts.sent == 1
    first, second = [each.getMessage() for each in caplog.records if each.name == "limpet.tracing"]
    assert first.startswith("spans are lost") and "400" in first
    assert second.startswith("the collector takes spans again")


async def test_what_the_file_does_not_say_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=abc")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=edge,deployment.environment=test")
        traces = Traces(Tracing())
        assert traces.sender is not None
        traces.sender.add(RECORD)
        await asyncio.to_thread(traces.close)
        assert collector.headers[0]["api-key"] == "abc"
        assert collector.resources[0]["service.name"] == "edge"
        assert collector.resources[0]["deployment.environment"] == "test"
