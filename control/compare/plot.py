"""The picture of a comparison: what users of each strategy saw over time, and what it cost."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from control.compare.results import Found, Results

COLOURS = {"affinity": "#e4572e", "replication": "#2e86ab", "store": "#5fad56"}
BAD, QUIET = "#b00020", "#777777"
SIZE = (11.0, 6.4)  # inches
DOTS = 110  # an inch
PAIRS = (
    ("node b killed", "node b started", "node b is dead"),
    ("store gone", "store back", "the store is gone"),
)

Measure = Callable[[Found], float]


def draw(results: Results, file: Path) -> None:
    """Writes a PNG or an SVG, by the file's name."""
    figure = Figure(figsize=SIZE)
    rows = len(results.strategies)
    left = figure.add_gridspec(rows, 1, left=0.055, right=0.68, top=0.89, bottom=0.125, hspace=0.3)
    right = figure.add_gridspec(4, 1, left=0.775, right=0.985, top=0.89, bottom=0.09, hspace=0.5)
    first: Axes | None = None
    for row, found in enumerate(results.strategies):
        axes = figure.add_subplot(left[row], sharex=first, sharey=first)
        first = first or axes
        _over_time(axes, found, results, last=row == rows - 1)
        axes.set_ylim(*limits_ms(results))
    for row, (title, unit, measure) in enumerate(_costs()):
        _bars(figure.add_subplot(right[row]), results.strategies, title, unit, measure)
    figure.suptitle("The same load on the same nodes, under three strategies", fontsize=11)
    late = f"the load itself was up to {results.late_ms:.0f} ms late (p99)"
    measured = f"{results.command}; {results.machine}; {results.began[:10]}; {late}"
    figure.text(0.055, 0.025, measured, fontsize=6.5, color=QUIET)
    figure.savefig(file, dpi=DOTS)


def _over_time(axes: Axes, found: Found, results: Results, last: bool) -> None:
    """Latencies, slice by slice, with what was away below and what went wrong above them."""
    colour, slices = COLOURS[found.strategy], [each for each in found.timeline if each.slowest_ms]
    at = [each.at for each in slices]
    axes.plot(at, [each.p50_ms or 0.0 for each in slices], color=colour, linewidth=1.2, label="median")
    slowest = [each.slowest_ms or 0.0 for each in slices]
    axes.plot(at, slowest, ".", color=colour, alpha=0.35, ms=3, label="slowest")
    axes.set_yscale("log")
    axes.set_ylabel("ms", fontsize=8)
    axes.tick_params(labelsize=7, labelbottom=last)
    _mark(axes, found, results)
    bad = found.sessions_lost or found.failed
    lost = f"{found.sessions_lost:,} of {found.sessions:,} sessions lost; requests failed: {found.failed:,}"
    axes.set_title(found.strategy, fontsize=10, fontweight="bold", color=colour, loc="left")
    axes.set_title(lost, fontsize=8.5, loc="right", color=BAD if bad else QUIET)
    if last:
        axes.set_xlabel("seconds; red crosses: a session was lost, or a request failed", fontsize=8)
        axes.legend(fontsize=7, loc="upper left", ncols=2, frameon=False, title="latency", title_fontsize=7)


def limits_ms(results: Results) -> tuple[float, float]:
    """The least and the most milliseconds of all, with room for words below and crosses above."""
    slices = [each for found in results.strategies for each in found.timeline]
    low = min((each.p50_ms for each in slices if each.p50_ms), default=1.0)
    high = max((each.slowest_ms for each in slices if each.slowest_ms), default=10.0)
    return 0.4 * low, 3.0 * high


def _mark(axes: Axes, found: Found, results: Results) -> None:
    low = axes.get_xaxis_transform()  # y from 0, the bottom, to 1
    for begin, end, words in away(results):
        axes.axvspan(begin, end, color="#000000", alpha=0.07, linewidth=0)
        axes.text(begin, 0.03, f" {words}", transform=low, fontsize=7, color=QUIET, va="bottom")
    bad = [each.at for each in found.timeline if each.failed or each.sessions_lost]
    axes.plot(bad, [0.93] * len(bad), "x", color=BAD, ms=5, transform=low, clip_on=False)


def away(results: Results) -> list[tuple[float, float, str]]:
    """When something was away: from, until, what."""
    at = {event.what: event.at for event in results.events}
    return [(at[begin], at[end], words) for begin, end, words in PAIRS if begin in at and end in at]


def _costs() -> list[tuple[str, str, Measure]]:
    return [
        ("acknowledged writes lost", "", lambda found: found.writes_lost),
        ("p99 of a write while all is well", " ms", lambda found: found.writes.p99_ms or 0.0),
        ("bytes copied for each write", " B", lambda found: found.copied_bytes_per_write),
        (
            "memory for each session, nodes + store",
            " B",
            lambda found: (found.node_bytes_per_session or 0.0) + (found.store_bytes_per_session or 0.0),
        ),
    ]


def _bars(axes: Axes, strategies: Sequence[Found], title: str, unit: str, measure: Measure) -> None:
    values = [measure(found) for found in strategies]
    names = [found.strategy for found in strategies]
    bars = axes.barh(names, values, color=[COLOURS[name] for name in names], height=0.62)
    words = [f" {value:,.1f}{unit}" if unit == " ms" else f" {value:,.0f}{unit}" for value in values]
    axes.bar_label(bars, labels=words, fontsize=8)
    axes.set_title(title, fontsize=8.5, loc="left")
    axes.set_xlim(0, max(*values, 1e-9) * 1.35)
    axes.invert_yaxis()
    axes.tick_params(labelsize=8, length=0)
    axes.set_xticks([])
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
