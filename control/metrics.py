"""What Prometheus sees: the byte path's plain counters, read at each scrape in steps too small to be felt."""

import asyncio
import platform
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import accumulate
from typing import TypeVar

from prometheus_client import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from control.build import compiled, version
from control.discovery.discovery import DiscoveryFacts
from control.keeping import Keeping
from control.metric_steps import STEP, Sample, groups, steps
from control.overview import ANSWER_LABELS
from control.processes import Processes
from control.reload import Loading
from control.session_metrics import lost, session_metrics
from control.staff import Oneself, Staff
from control.stores import Stores
from control.traces import Counts
from proxy.counters import DELAY_BOUNDS, DURATION_BOUNDS, Delays
from proxy.engine import Engine
from proxy.service import Node, Service
from routing.reasons import REASON_LABELS
from routing.states import STATE_LABELS, NodeState, takes_pinned
from sessions.flags import REQUEST_LABELS, RESPONSE_LABELS
from sessions.flags import STATE_LABELS as WHERE_LABELS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

T = TypeVar("T")


class Metrics(Collector):
    """A collector for prometheus-client whose families come in steps, and the text made of them."""

    def __init__(
        self,
        engine: Engine,
        keeping: Keeping | None = None,
        loading: Loading | None = None,
        spans: Counts | None = None,
        staff: Staff | None = None,
        discovery: Callable[[], list[DiscoveryFacts]] = list,
    ) -> None:
        """`keeping`: where services use the session contract; `loading`: of the configuration file;
        `discovery`: how nodes are found."""
        self._engine = engine
        self._staff = staff or Oneself(engine)
        self._processes = Processes(lambda: self._staff.pids)
        self._keeping = keeping or Keeping(Stores([]))
        self._loading = loading
        self._spans = spans or Counts()
        self._discovery = discovery
        self.expiries: Callable[[], Iterable[Sample]] = tuple  # of certificates, by listener and file

    def collect(self) -> Iterator[Metric]:
        """All metrics. A family of many samples comes as several of the same name, one after the other."""
        yield from self._of_nodes()
        yield from self._of_services()
        yield from _discoveries(self._discovery())
        yield from session_metrics(self._keeping, time.monotonic())
        yield from self._of_process()
        yield from self._processes.collect()

    async def exposition(self) -> AsyncIterator[bytes]:
        """The text format 0.0.4 in parts; between two of them the event loop does its other work.

        Not in a thread: that would take the interpreter for 5 ms at a time.
        """
        last = ""
        for metric in self.collect():
            text = generate_latest(_Only(metric))
            yield text.split(b"\n", 2)[2] if metric.name == last else text  # HELP and TYPE only once
            last = metric.name
            await asyncio.sleep(0)

    def _of_nodes(self) -> Iterator[Metric]:
        nodes = [(service, node) for service in self._engine.services.values() for node in service.present]
        labels = ["service", "node"]
        answers = (sample for service, node in nodes for sample in _answers(service.name, node))
        own = (sample for service in self._engine.services.values() for sample in _own_answers(service))
        yield from steps(
            CounterMetricFamily,
            "limpet_requests",
            "Exchanges by the answer's class; without a node: answered by Limpet itself.",
            [*labels, "code"],
            _chain(answers, own),
        )
        gauges: list[tuple[str, str, Callable[[Service, Node], float]]] = [
            ("limpet_node_up", "Whether the node may be sent requests.", _up),
            ("limpet_node_sessions", "Sessions seen in the last five to ten minutes, about.", _sessions),
            ("limpet_node_inflight", "Exchanges under way, those that wait among them.", _inflight),
            ("limpet_node_queue", "Exchanges that wait, the node being at its max_connections.", _queue),
        ]
        for name, text, value in gauges:
            samples = (((service.name, node.name), value(service, node)) for service, node in nodes)
            yield from steps(GaugeMetricFamily, name, text, labels, samples)
        states = (
            ((service.name, node.name, label), float(_state(service, node) == state))
            for service, node in nodes
            for state, label in enumerate(STATE_LABELS)
        )
        text = "1 for the state that the node is in."
        yield from steps(GaugeMetricFamily, "limpet_node_state", text, [*labels, "state"], states)

    def _of_services(self) -> Iterator[Metric]:
        services = list(self._engine.services.values())
        for some in groups(services, STEP // (len(DURATION_BOUNDS) + 3)):
            yield _durations(some)
        counters: list[tuple[str, str, list[str], Callable[[Service], Iterable[Sample]]]] = [
            ("limpet_routing_decisions", "Why requests went where they did.", ["reason"], _decisions),
            (
                "limpet_affinity",
                "Flags: what requests brought, what answers set, where the state was.",
                ["request", "response", "state"],
                _flags,
            ),
            (
                "limpet_sessions_lost",
                "Sessions whose node could not serve them, and their state with it.",
                [],
                self._lost,
            ),
            ("limpet_upstream_retries", "Requests that were sent to another node.", [], _retries),
            ("limpet_bytes", "From clients (in) and to clients (out).", ["direction"], _bytes),
        ]
        for name, text, labels, samples_of in counters:
            samples = (sample for service in services for sample in samples_of(service))
            yield from steps(CounterMetricFamily, name, text, ["service", *labels], samples)

    def _lost(self, service: Service) -> Iterator[Sample]:
        yield (service.name,), service.counters.lost + lost(self._keeping.services, service.name)

    def _of_process(self) -> Iterator[Metric]:
        counters = self._engine.counters
        rejected = (((reason,), float(count)) for reason, count in list(counters.rejected.items()))
        text = "Requests and connections that were refused before they reached a service."
        yield from steps(CounterMetricFamily, "limpet_rejected_requests", text, ["reason"], rejected)
        yield GaugeMetricFamily(
            "limpet_connections", "Connections of clients, open now.", counters.connections
        )
        yield GaugeMetricFamily(
            "limpet_connections_limit",
            "Connections of clients that may be open at once.",
            self._engine.limits.connections,
        )
        text = "Seconds by which the event loop came late to what was due every 50 ms."
        yield _lateness("limpet_loop_delay_seconds", text, counters.delays)
        text = "As many of these seconds as Limpet itself was computing."
        yield _lateness("limpet_loop_stall_seconds", text, counters.stalls)
        yield GaugeMetricFamily(
            "limpet_config_last_reload_success",
            "1 if the configuration file was good when it was last read.",
            float(self._loading is None or self._loading.ok),
        )
        if self._loading is not None:
            yield GaugeMetricFamily(
                "limpet_config_last_reload_success_timestamp_seconds",
                "When the configuration file was last good, in unix time.",
                self._loading.loaded,
            )
        text = "When the certificate that a listener shows expires, in unix time."
        labels = ["listener", "file"]
        name = "limpet_certificate_expiry_timestamp_seconds"
        yield from steps(GaugeMetricFamily, name, text, labels, self.expiries())
        text = "Spans of traces that the collector took, or that were lost on the way to it."
        spans = [(("sent",), float(self._spans.sent)), (("lost",), float(self._spans.lost))]
        yield from steps(CounterMetricFamily, "limpet_trace_spans", text, ["result"], spans)
        yield GaugeMetricFamily("limpet_workers", "Processes that serve clients.", self._staff.serving)
        yield CounterMetricFamily(
            "limpet_worker_restarts", "Workers that ended and were replaced.", self._staff.restarts
        )
        labels = ["version", "python", "compiled"]
        info = GaugeMetricFamily("limpet_build_info", "What is running.", labels=labels)
        info.add_metric([version(), platform.python_version(), str(compiled()).lower()], 1.0)
        yield info


class _Only:
    """A registry of one metric."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def _chain(*parts: Iterable[T]) -> Iterator[T]:
    for part in parts:
        yield from part


def _discoveries(facts: list[DiscoveryFacts]) -> Iterator[Metric]:
    gauges: list[tuple[str, str, Callable[[DiscoveryFacts], float]]] = [
        ("up", "1 if the last look for the service's nodes showed all of them.", lambda fact: fact["up"]),
        ("nodes", "Nodes that were found and are known.", lambda fact: fact["nodes"]),
        (
            "last_success_timestamp_seconds",
            "When a look last showed nodes, in unix time; 0 for never.",
            lambda fact: fact["found"] or 0.0,
        ),
    ]
    for name, text, value in gauges:
        samples = (((fact["service"],), float(value(fact))) for fact in facts)
        yield from steps(GaugeMetricFamily, f"limpet_discovery_{name}", text, ["service"], samples)


def _answers(service: str, node: Node) -> Iterator[Sample]:
    for label, count in zip(ANSWER_LABELS, node.counters.answers, strict=True):
        yield (service, node.name, label), count


def _own_answers(service: Service) -> Iterator[Sample]:
    for label, count in zip(ANSWER_LABELS, service.counters.refused, strict=True):
        if count:
            yield (service.name, "", label), count


def _state(service: Service, node: Node) -> NodeState:
    return service.router.view.nodes[node.index].state


def _up(service: Service, node: Node) -> float:
    return float(takes_pinned(service.router.view.contract)[_state(service, node)])


def _sessions(service: Service, node: Node) -> float:
    return node.sightings.count()


def _inflight(service: Service, node: Node) -> float:
    return service.everywhere[node.index]


def _queue(service: Service, node: Node) -> float:
    return node.connections.queued


def _durations(services: list[Service]) -> Metric:
    text = "Seconds from a request's head to the end of its answer."
    metric = HistogramMetricFamily("limpet_request_duration_seconds", text, labels=["service"])
    bounds = [*map(str, DURATION_BOUNDS), "+Inf"]
    for service in services:
        counts = accumulate(service.counters.durations)
        metric.add_metric(
            [service.name], list(zip(bounds, counts, strict=True)), service.counters.duration_sum
        )
    return metric


def _lateness(name: str, text: str, delays: Delays) -> Metric:
    bounds = [*map(str, DELAY_BOUNDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(delays.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets, delays.seconds)


def _decisions(service: Service) -> Iterator[Sample]:
    for label, count in zip(REASON_LABELS, service.counters.decisions, strict=True):
        yield (service.name, label), count


def _flags(service: Service) -> Iterator[Sample]:
    for (request, response, state), count in list(service.counters.affinity.items()):
        labels = REQUEST_LABELS[request], RESPONSE_LABELS[response], WHERE_LABELS[state]
        yield (service.name, *labels), count


def _retries(service: Service) -> Iterator[Sample]:
    yield (service.name,), service.counters.retries


def _bytes(service: Service) -> Iterator[Sample]:
    yield (service.name, "in"), service.counters.bytes_in
    yield (service.name, "out"), service.counters.bytes_out
