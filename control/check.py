"""`limpet check`: what is wrong with a configuration file, and what is allowed but doubtful."""

import json
import os
import sys
from typing import TextIO

from config.advice import advise
from config.loading import read
from config.problems import ConfigError
from config.schema import json_schema
from control.store_check import check_stores


def check_file(path: str, out: TextIO | None = None) -> int:
    """Print problems and warnings, and to `out` what was found; 0 where the file can be used, else 2."""
    try:
        settings, source = read(path, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    for warning in advise(settings, source):
        print(f"warning: {warning}", file=sys.stderr)
    reports = check_stores(settings)
    for report in reports:
        for sentence in report.warnings:
            print(f"warning: {sentence}", file=sys.stderr)
    nodes = sum(len(service.nodes) for service in settings.services.values())
    counts = (
        counted(len(settings.services), "service"),
        counted(nodes, "node"),
        counted(len(settings.routes), "route"),
    )
    for report in reports:
        print(report.found, file=out)
    print(f"{path} is fine: {', '.join(counts)}", file=out)
    return 0


def schema_text() -> str:
    """The JSON Schema of the file."""
    return json.dumps(json_schema(), indent=2)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
