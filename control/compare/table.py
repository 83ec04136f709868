"""The table of a comparison, for a terminal or a file."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from control.compare.results import Found, Percentiles, Results, StoreOutage

Cell = Callable[[Found], str]


def show(results: Results, console: Console) -> None:
    """Print it, with what has to be known to read it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for found in results.strategies:
        table.add_column(found.strategy, justify="right")
    for title, rows in sections(results):
        table.add_row(f"[bold]{title}[/bold]")
        for label, cell in rows:
            table.add_row(f"  {label}", *(cell(found) for found in results.strategies))
    console.print(table)
    for line in notes(results):
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
    if not results.agreed:
        console.print("The clients and limpet_sessions_lost_total do not agree.", style="red bold")


def notes(results: Results) -> list[str]:
    """Sentences on how it was measured."""
    lines = [
        "",
        f"{results.machine}; {results.began}; Limpet {results.version}: {results.command}",
        f"{results.rate:g} requests a second for each strategy, one in three writes; all in one proxy, on the"
        f" same nodes. The load itself was up to {results.late_ms:.1f} ms late (p99).",
        "Copied: as sent, to nodes in base64. Memory of nodes: what all three processes grew by.",
        "Sessions lost, by Limpet: limpet_sessions_lost_total.",
    ]
    return [*lines, f"The store was {results.store}."] if results.store else lines


def sections(results: Results) -> list[tuple[str, list[tuple[str, Cell]]]]:
    """Titles, each with its rows: a label, and what stands there for a strategy, `[red]` where it is bad."""
    sections: list[tuple[str, list[tuple[str, Cell]]]] = [
        (
            "In all",
            [
                ("sessions", lambda found: f"{found.sessions:,}"),
                ("requests", lambda found: f"{found.requests:,}"),
                ("failed", lambda found: _bad(found.failed)),
                ("sessions lost, by clients", lambda found: _bad(found.sessions_lost)),
                ("sessions lost, by Limpet", _lost_metric),
                ("acknowledged writes lost", _writes_lost),
                ("writes without a copy", _unprotected),
            ],
        ),
        (
            "While nothing happens",
            [
                ("reads, p50 / p99", lambda found: _latency(found.reads)),
                ("writes, p50 / p99", lambda found: _latency(found.writes)),
                ("copied a write", lambda found: f"{found.copied_bytes_per_write:,.0f} B"),
                ("memory a session, nodes", lambda found: _bytes(found.node_bytes_per_session)),
                ("memory a session, store", lambda found: _bytes(found.store_bytes_per_session)),
            ],
        ),
        (
            "A node is killed (SIGKILL)",
            [
                ("sessions that were on it", lambda found: f"{found.node_death.sessions:,}"),
                ("requests that failed", lambda found: _bad(found.node_death.failed)),
                ("the last of these after", lambda found: _seconds(found.node_death.failing_seconds)),
                ("all copies there after", lambda found: _seconds(found.node_death.copied_seconds)),
            ],
        ),
    ]
    if results.store:
        sections.append(
            (
                "The store is gone",
                [
                    ("requests that failed", lambda found: _outage(found, lambda it: _bad(it.failed))),
                    ("writes meanwhile", lambda found: _outage(found, lambda it: f"{it.writes:,}")),
                    (
                        "of these without a copy",
                        lambda found: _outage(found, lambda it: f"{it.unprotected:,}"),
                    ),
                    (
                        "back; has all again after",
                        lambda found: _outage(found, lambda it: _seconds(it.recovered_seconds)),
                    ),
                ],
            )
        )
    return sections


def _bad(count: int) -> str:
    return f"[red]{count:,}[/red]" if count else "0"


def _lost_metric(found: Found) -> str:
    return (
        _bad(found.sessions_lost_metric) if found.agreed else f"[red]{found.sessions_lost_metric:,} (!)[/red]"
    )


def _writes_lost(found: Found) -> str:
    return f"{_bad(found.writes_lost)} of {found.writes_acknowledged:,}"


def _unprotected(found: Found) -> str:
    return "all" if found.strategy == "affinity" else f"{found.writes_unprotected:,}"


def _latency(of: Percentiles) -> str:
    return "-" if of.p50_ms is None else f"{of.p50_ms:.1f} / {of.p99_ms:.1f} ms"


def _bytes(count: float | None) -> str:
    return "-" if count is None else f"{count:,.0f} B"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _outage(found: Found, cell: Callable[[StoreOutage], str]) -> str:
    return "-" if found.store_outage is None else cell(found.store_outage)
