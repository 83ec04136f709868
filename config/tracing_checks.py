"""What cannot be right about traces: the extra that is not there, fields that others would write too."""

import importlib.util
from collections.abc import Iterator

from config.problems import Found, KeyPath
from config.settings import Settings

EXPORTER = "opentelemetry.exporter.otlp.proto.http"
FIELDS = {"traceparent", "tracestate"}
WHY = "with `tracing` Limpet writes it itself"


def tracing_problems(settings: Settings) -> Iterator[Found]:
    tracing = settings.tracing
    if tracing is None:
        return
    if not installed():
        message = "needs OpenTelemetry, which is not installed here: pip install 'limpet[otel]'"
        yield Found(("tracing",), message)
    unix = any(listener.address.path for listener in settings.listen)
    if tracing.continue_from == "trusted_proxies" and not (settings.forwarded.trusted_proxies or unix):
        message = "needs `forwarded.trusted_proxies`: who may say which trace a request belongs to"
        yield Found(("tracing", "continue_from"), message, (("forwarded", "trusted_proxies"),))
    for path, name in _named(settings):
        if name.lower() in FIELDS:
            yield Found(path, f"must not be `{name}`: {WHY}", (("tracing",),))


def installed() -> bool:
    """Whether spans could be sent from here."""
    try:
        return importlib.util.find_spec(EXPORTER) is not None
    except (ModuleNotFoundError, ValueError):  # a package above it is not there
        return False


def _named(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """Each header field that the settings name, as far as nodes get it."""
    yield ("forwarded", "request_id"), settings.forwarded.request_id or ""
    for service, each in settings.services.items():
        yield ("services", service, "affinity", "header"), each.affinity.header or ""
    for index, route in enumerate(settings.routes):
        here: KeyPath = ("routes", index, "request_headers")
        for name in route.request_headers.set:
            yield (*here, "set", name), name
        for number, name in enumerate(route.request_headers.remove):
            yield (*here, "remove", number), name
