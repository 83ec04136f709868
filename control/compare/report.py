"""The report of a comparison: a page with charts and all numbers, and nothing from elsewhere."""

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from string import Template

from control.compare.charts import Part, bars, over_time
from control.compare.results import Found, Results
from control.compare.table import notes, sections

PAGE = Path(__file__).with_name("report.html")
COUNTS = {1: "one strategy", 2: "two strategies", 3: "three strategies"}
IDEAS = {
    "affinity": "the state is in one node's memory",
    "replication": "the state is on its node, and copied to another with each write",
    "store": "the state is in a central store",
}


def write_report(results: Results, file: Path) -> None:
    """All of it, or nothing: whoever reads it meanwhile sees what was there. Raises OSError."""
    text = page(results)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def page(results: Results) -> str:
    """The HTML."""
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        date=html.escape(results.began[:10]),
        count=COUNTS[len(results.strategies)],
        what=html.escape(_what(results)),
        lead="\n".join(map(_lead, results.strategies)),
        timelines="\n".join(_timeline(found, results) for found in results.strategies),
        bars="\n".join(_bars(results)),
        table="\n".join(_table(results)),
        measured="\n".join(_measured(results)),
        notes="\n".join(f'<p class="quiet">{html.escape(line)}</p>' for line in notes(results)[2:]),
    )


def _what(results: Results) -> str:
    """What was done to it, in a sentence."""
    events = {event.what: event.at for event in results.events}
    done = []
    if "node b killed" in events:
        done.append(f"After {events['node b killed']:.0f} seconds one of three nodes was killed (SIGKILL).")
    if "store gone" in events:
        done.append(f"After {events['store gone']:.0f} seconds the store was taken away for a while.")
    users = results.strategies[0].sessions
    return (
        f"{users:,} users of each strategy, {results.rate:g} requests a second, one in three of which writes"
        f" to the user's session. {' '.join(done)} Every answer was checked."
    )


def _lead(found: Found) -> str:
    lost = f"{found.sessions_lost:,} of {found.sessions:,} sessions lost"
    words = f'<b class="bad">{lost}</b>' if found.sessions_lost else f"<b>{lost}</b>"
    writes = f"{found.writes_lost:,} of {found.writes_acknowledged:,} acknowledged writes lost"
    failed = f"{found.failed:,} of {found.requests:,} requests failed"
    idea = IDEAS[found.strategy]
    return f'<li class="{found.strategy}"><b>{found.strategy}</b> ({idea}): {words}; {writes}; {failed}.</li>'


def _timeline(found: Found, results: Results) -> str:
    death = found.node_death
    words = [f"{death.sessions:,} sessions were on the node that was killed."]
    if death.failing_seconds is not None:
        words.append(f"The last request failed {death.failing_seconds:.1f} s after.")
    if death.copied_seconds is not None:
        words.append(f"All sessions had their copies again after {death.copied_seconds:.1f} s.")
    if found.sessions_lost:
        words.append(f"{found.sessions_lost:,} users found their session gone.")
    return _figure(found.strategy, over_time(found, results), " ".join(words), found.strategy)


def _bars(results: Results) -> Iterator[str]:
    all_of = results.strategies
    yield _figure(
        "Sessions lost",
        bars(all_of, "", Part("", lambda found: found.sessions_lost)),
        "Users who were shown no session, or another one, after the node was killed.",
    )
    yield _figure(
        "Acknowledged writes lost",
        bars(all_of, "", Part("", lambda found: found.writes_lost)),
        "Answered with 200, and not there later.",
    )
    yield _figure(
        "Time of a write",
        bars(all_of, " ms", Part("", lambda found: found.writes.p99_ms)),
        "99 of 100 took no longer, as a client saw it, while all was well: shorter is better.",
    )
    yield _figure(
        "Bytes copied for each write",
        bars(all_of, " B", Part("", lambda found: found.copied_bytes_per_write)),
        "Sent to other nodes (in base64) or to the store, while all was well.",
    )
    yield _figure(
        "Memory for each session",
        bars(
            all_of,
            " B",
            Part("nodes", lambda found: found.node_bytes_per_session),
            Part("store", lambda found: found.store_bytes_per_session),
        ),
        "What all nodes together grew by (solid), and the store (faint), for a session of about 1.1 KB.",
    )


def _figure(title: str, svg: str, caption: str, kind: str = "") -> str:
    return (
        f'<figure><h3 class="{kind}">{html.escape(title)}</h3>\n{svg}\n'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _table(results: Results) -> Iterator[str]:
    width = len(results.strategies) + 1
    names = "".join(f'<th scope="col">{found.strategy}</th>' for found in results.strategies)
    yield f"<thead><tr><th></th>{names}</tr></thead>\n<tbody>"
    for title, rows in sections(results):
        yield f'<tr><th colspan="{width}" scope="colgroup">{html.escape(title)}</th></tr>'
        for label, cell in rows:
            cells = "".join(f"<td>{_cell(cell(found))}</td>" for found in results.strategies)
            yield f'<tr><th scope="row">{html.escape(label)}</th>{cells}</tr>'
    yield "</tbody>"


def _cell(text: str) -> str:
    return re.sub(r"\[red\](.*?)\[/red\]", r'<b class="bad">\1</b>', html.escape(text))


def _measured(results: Results) -> Iterator[str]:
    told = {
        "command": f"<code>{html.escape(results.command)}</code>",
        "machine": html.escape(results.machine),
        "when": html.escape(results.began),
        "Limpet": html.escape(results.version),
    }
    for name, value in told.items():
        yield f"<dt>{name}</dt><dd>{value}</dd>"
    if not results.agreed:
        yield '<dt class="bad">doubt</dt><dd>The clients and limpet_sessions_lost_total do not agree.</dd>'
