"""`limpet contract`: examines a node and prints what was found; the exit code: 0 fine, 1 not, 2 usage."""

import http.client
import ssl
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.addresses import NodeUrl
from config.values import Refused
from control.conformance.examine import Finding, Verdict, examine
from control.conformance.subject import Paths, Subject

MARKS = {
    Verdict.FINE: ("ok", "green"),
    Verdict.WRONG: ("WRONG", "bold red"),
    Verdict.SKIPPED: ("-", "yellow"),
}


def check_contract(
    url: str, sessions_url: str | None, key: str, ca: str | None, paths: Mapping[str, str]
) -> int:
    """`ca`: a file of authorities, instead of the system's; `paths`: routes of the app, by what they do."""
    try:
        places = NodeUrl.parse(url), NodeUrl.parse(sessions_url) if sessions_url else None
    except Refused as refused:
        print(f"the URL {refused.allowed}", file=sys.stderr)
        return 2
    if ca is not None and not any(place and place.secure for place in places):
        print("--ca has no effect: no URL begins with https://", file=sys.stderr)
        return 2
    try:
        tls = ssl.create_default_context(cafile=ca) if ca is not None else None
    except OSError as error:  # ssl.SSLError is one
        print(f"--ca: {ca} cannot be used: {error.strerror or error}", file=sys.stderr)
        return 2
    subject = Subject(places[0], key, Paths(**paths), places[1], tls=tls)
    try:
        findings = list(examine(subject))
    except (OSError, http.client.HTTPException) as error:
        print(f"{url} gave no answer: {error or type(error).__name__}", file=sys.stderr)
        return 1
    _show(findings)
    return int(any(finding.verdict is Verdict.WRONG for finding in findings))


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:  # a pipe has no width: a line for each case, however long
        console.width = 1000
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark, colour = MARKS[finding.verdict]
        table.add_row(Text(mark, style=colour), finding.case, Text(finding.why or finding.what))
    console.print(table)
    counts = [sum(finding.verdict is verdict for finding in findings) for verdict in Verdict]
    console.print(f"{counts[0]} fine, {counts[1]} wrong, {counts[2]} not tried")
