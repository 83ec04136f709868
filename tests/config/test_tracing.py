"""What may stand under `tracing`, and what cannot be."""
# ruff: noqa: E501 (tables of files and messages, a case a line)

import sys

import pytest

from config.tracing_checks import EXPORTER
from tests.config.files import SHOP, Loader, service

TRACING = SHOP + "tracing: {}\n"


def test_traces_go_to_the_collectors_own_path(loader: Loader) -> None:
    assert loader.settings(SHOP).tracing is None
    for url in ("http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"):
        tracing = loader.settings(SHOP + f"tracing: {{otlp: '{url}', sample: 0.1}}\n").tracing
        assert tracing is not None
        assert (tracing.otlp, tracing.sample) == ("http://127.0.0.1:4318", 0.1)
    found = loader.settings(SHOP + "tracing: {otlp: 'https://otel.example/in/put'}\n").tracing
    assert found is not None and found.otlp == "https://otel.example/in/put"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SHOP + "tracing: {otlp: '127.0.0.1:4318'}\n",
            '2: tracing.otlp: must be http://HOST[:PORT] or https://HOST[:PORT], with a path where there is one, not "127.0.0.1:4318"',
        ),
        (
            SHOP + "tracing: {otlp: 'http://me:pass@host'}\n",
            "2: tracing.otlp: must be http://HOST[:PORT] or https://HOST[:PORT], with a path where there is one",
        ),
        (SHOP + "tracing: {otlp: 'http://host?key=abc'}\n", "2: tracing.otlp: must be http://HOST[:PORT]"),
        (SHOP + "tracing: {sample: 2}\n", "2: tracing.sample: must be a number from 0 to 1, not 2"),
        (
            SHOP + "tracing: {service_name: 'a b'}\n",
            '2: tracing.service_name: must be a name without spaces, not "a b"',
        ),
        (
            SHOP + "tracing: {continue_from: trusted_proxies}\n",
            "2: tracing.continue_from: needs `forwarded.trusted_proxies`: who may say which trace a request belongs to",
        ),
        (
            TRACING + "forwarded: {request_id: TraceParent}\n",
            "3: forwarded.request_id: must not be `TraceParent`: with `tracing` Limpet writes it itself",
        ),
        (
            TRACING + "routes: [{service: shop, request_headers: {set: {traceparent: x}}}]\n",
            "3: routes[0].request_headers.set.traceparent: must not be `traceparent`",
        ),
        (
            TRACING + "routes: [{service: shop, request_headers: {remove: [Tracestate]}}]\n",
            "3: routes[0].request_headers.remove[0]: must not be `Tracestate`",
        ),
        (
            service("affinity: {mode: wrap, header: traceparent}") + "tracing: {}\n",
            "2: services.shop.affinity.header: must not be `traceparent`",
        ),
    ],
)
def test_what_cannot_be_is_refused(text: str, message: str, loader: Loader) -> None:
    (found,) = loader.problems(text)
    assert found.startswith(message)


def test_without_the_extra_it_says_what_to_install(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, EXPORTER, None)
    assert loader.problems(TRACING) == [
        "2: tracing: needs OpenTelemetry, which is not installed here: pip install 'limpet[otel]'"
    ]


def test_without_tracing_the_fields_are_the_operators(loader: Loader) -> None:
    loader.settings(
        SHOP + "routes: [{service: shop, request_headers: {remove: [traceparent, tracestate]}}]\n"
    )
