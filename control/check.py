"""`limpet check`: what is wrong with a configuration file, and what is allowed but doubtful."""

import json
import os
import sys
from typing import TextIO

from config.advice import advise
from config.loading import read
from config.problems import ConfigError
from config.schema import json_schema
from control.discovery_check import Findings, find_nodes
from control.store_check import check_stores


def check_file(path: str, out: TextIO | None = None) -> Findings | None:
    """Print problems and warnings, and to `out` what was found; None where the file cannot be used.

    What cannot be reached now, a store or a DNS server, is a warning: `limpet run` starts without it.
    """
    try:
        settings, source = read(path, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None
    warnings = list(map(str, advise(settings, source)))
    reports, findings = check_stores(settings), find_nodes(settings)
    warnings += [sentence for report in reports for sentence in report.warnings]
    for warning in [*warnings, *findings.warnings]:
        print(f"warning: {warning}", file=sys.stderr)
    settings = findings.settings
    nodes = sum(len(service.nodes) for service in settings.services.values())
    counts = (
        counted(len(settings.services), "service"),
        counted(nodes, "node"),
        counted(len(settings.routes), "route"),
    )
    for line in [*(report.found for report in reports), *findings.found]:
        print(line, file=out)
    print(f"{path} is fine: {', '.join(counts)}", file=out)
    return findings


def schema_text() -> str:
    """The JSON Schema of the file."""
    return json.dumps(json_schema(), indent=2)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
