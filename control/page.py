"""The status page at `/` of the admin port: one plain table, no scripts."""

from collections.abc import Sequence
from html import escape
from time import gmtime, strftime

from control.overview import NodeFacts

HEADINGS = (
    "Service",
    "Node",
    "Address",
    "State",
    "Since (UTC)",
    "Why",
    "In flight",
    "Queue",
    "Sessions",
    "Weight",
)
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Limpet</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<style>
body{{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;
color:#222;background:#fff}}
table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #8884}}
.up{{color:#187a35}}.down{{color:#b3261e;font-weight:600}}.drain,.maint,.syncing{{color:#8a5a00}}
@media(prefers-color-scheme:dark){{body{{color:#ddd;background:#181818}}.up{{color:#6fcf8b}}.down{{color:#ff8a80}}
.drain,.maint,.syncing{{color:#ffc069}}}}
</style>
<h1>Limpet</h1><p>{summary}</p>
<table><thead><tr>{headings}</tr></thead><tbody>
{rows}
</tbody></table>
<p><a href="metrics">metrics</a> · <a href="api/nodes">nodes</a> · <a href="api/services">services</a></p>
"""


def status_page(nodes: Sequence[NodeFacts], stopping: bool) -> str:
    """The page for these nodes."""
    up = sum(node["state"] == "up" for node in nodes)
    summary = f"{up} of {len(nodes)} nodes are up." + (" Stopping." if stopping else "")
    headings = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    return PAGE.format(summary=summary, headings=headings, rows="\n".join(map(_row, nodes)))


def _row(node: NodeFacts) -> str:
    state = f'<td class="{node["state"]}">{node["state"]}</td>'
    since = strftime("%Y-%m-%d %H:%M:%S", gmtime(node["since"]))
    before = _cells(node["service"], node["node"], node["address"])
    after = _cells(since, node["why"], node["inflight"], node["queue"], node["sessions"], node["weight"])
    return f"<tr>{before}{state}{after}</tr>"


def _cells(*values: object) -> str:
    return "".join(f"<td>{escape(str(value))}</td>" for value in values)
