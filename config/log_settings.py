"""What Limpet tells of each exchange: a line of the access log, a span of a trace."""

import re
from typing import Annotated, Literal

from pydantic import Field

from config.addresses import split_authority
from config.names import FilePath
from config.section import Section
from config.values import Parsed, Refused, number, text

COLLECTOR = re.compile(r"(https?)://([^/?#@\s]+)(/[\x21-\x22\x24-\x3e\x40-\x7e]*)?")
COLLECTOR_ALLOWED = "must be http://HOST[:PORT] or https://HOST[:PORT], with a path where there is one"


def parse_collector(value: object) -> str:
    """The base of a collector's URLs, without a slash at its end; raises Refused.

    What the collector's own path for traces is appended to is accepted too.
    """
    match = COLLECTOR.fullmatch(value) if isinstance(value, str) else None
    if match is None or split_authority(match[2]) is None:
        raise Refused(COLLECTOR_ALLOWED, quoted=not isinstance(value, str) or "@" not in value)
    return match[0].rstrip("/").removesuffix("/v1/traces")


Collector = Annotated[str, Parsed(parse_collector, {"type": "string", "pattern": r"^https?://[^/?#@\s]+"})]


class AccessLog(Section):
    """A line for each exchange."""

    format: Literal["off", "text", "json"] = Field(
        "text", description="`text` for people, `json` for machines, or `off`."
    )
    sample: Annotated[float, number(0.0, 1.0)] = Field(
        1.0, description="The share of exchanges that are logged: 0.01 is one in a hundred."
    )
    file: FilePath = Field("-", description="Where to; `-` is standard output. SIGUSR1 opens the file anew.")


class Tracing(Section):
    """A span for each exchange, sent to an OpenTelemetry collector."""

    otlp: Collector | None = Field(
        None,
        description="The collector, `http://HOST:4318`; without it OTEL_EXPORTER_OTLP_ENDPOINT says where,"
        " or it is this machine.",
    )
    sample: Annotated[float, number(0.0, 1.0)] = Field(
        1.0, description="The share of the traces that begin at Limpet; a client's own has been decided on."
    )
    service_name: Annotated[str, text(r"[\x21-\x7e]{1,255}", "a name without spaces")] | None = Field(
        None, description="What Limpet is called in traces; OTEL_SERVICE_NAME without it, or `limpet`."
    )
    continue_from: Literal["anybody", "trusted_proxies"] = Field(
        "anybody", description="Whose traces are continued: any client's, or only those of trusted proxies."
    )
