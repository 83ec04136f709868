"""The charts of a report: SVG for a page, in the page's own colours and letters."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from matplotlib.transforms import Transform

from control.compare.plot import away, limits_ms
from control.compare.results import Found, Results

# What is drawn in these is shown in the page's colour of that name, which differs by day and night.
INK, QUIET, LINE, BAD = "#010101", "#020202", "#030303", "#040404"
STRATEGIES = {"affinity": "#0a0001", "replication": "#0a0002", "store": "#0a0003"}
COLOURS = {INK: "text", QUIET: "quiet", LINE: "line", BAD: "bad"} | {
    colour: name for name, colour in STRATEGIES.items()
}
FONT_POINTS = 8.5  # on a phone, where a chart is 340 pixels wide, 10 pixels
WIDTH, TALL, LOW = 4.2, 2.5, 1.35  # inches
STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": FONT_POINTS,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class Part(NamedTuple):
    """A piece of each strategy's bar: what it is, and how much."""

    name: str
    measure: Callable[[Found], float | None]


def over_time(found: Found, results: Results) -> str:
    """Latencies of one strategy, with what was away, and what went wrong; the same scales for all."""
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, TALL))
        axes = figure.add_axes((0.12, 0.17, 0.86, 0.71))
        slices, colour = [each for each in found.timeline if each.slowest_ms], STRATEGIES[found.strategy]
        at = [each.at for each in slices]
        axes.plot(
            at,
            [each.slowest_ms or 0.0 for each in slices],
            ".",
            color=colour,
            alpha=0.6,
            ms=4,
            label="slowest",
        )
        axes.plot(at, [each.p50_ms or 0.0 for each in slices], color=colour, linewidth=1.4, label="median")
        _shade(axes, results)
        bad = [each.at for each in found.timeline if each.failed or each.sessions_lost]
        top = axes.get_xaxis_transform()
        label = "a session lost or a request failed"
        axes.plot(bad, [0.95] * len(bad), "x", color=BAD, ms=5, transform=top, clip_on=False, label=label)
        axes.set_yscale("log")
        axes.set_ylim(*limits_ms(results))
        axes.set_xlim(0, max((each.at for one in results.strategies for each in one.timeline), default=1.0))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel("milliseconds")
        axes.set_xlabel("seconds")
        figure.legend(loc="upper left", ncols=3, frameon=False, handletextpad=0.3, columnspacing=1.0)
        return _svg(figure)


def bars(strategies: Sequence[Found], unit: str, *parts: Part) -> str:
    """A bar for each strategy, of one part or several; where one was not measured it is left out."""
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, LOW))
        axes = figure.add_axes((0.19, 0.03, 0.8, 0.94))
        names = [found.strategy for found in strategies]
        ends = [0.0] * len(names)
        for number, part in enumerate(parts):
            values = [part.measure(found) or 0.0 for found in strategies]
            colours = [STRATEGIES[name] for name in names]
            axes.barh(names, values, left=ends, color=colours, alpha=1.0 - 0.5 * number, height=0.6)
            ends = [end + value for end, value in zip(ends, values, strict=True)]
        for row, (found, end) in enumerate(zip(strategies, ends, strict=True)):
            _note(axes, _words(found, unit, parts), (end, row), axes.transData, INK)
        axes.set_xlim(0, max(*ends, 1e-9) * (1.5 if len(parts) == 1 else 2.1))
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines["bottom"].set_visible(False)
        return _svg(figure)


def _words(found: Found, unit: str, parts: Sequence[Part]) -> str:
    told = [(part.name, part.measure(found)) for part in parts]
    numbers = [
        "not measured" if value is None else f"{name} {_number(value)}{unit}".strip()
        for name, value in told
        if value is not None or len(parts) == 1
    ]
    return " + ".join(numbers) or "not measured"


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < 100 and value != int(value) else f"{value:,.0f}"


def _shade(axes: Axes, results: Results) -> None:
    low = axes.get_xaxis_transform()  # y from 0, the bottom, to 1
    for begin, end, words in away(results):
        axes.axvspan(begin, end, color=QUIET, alpha=0.13, linewidth=0)
        axes.axvline(begin, color=BAD if "node" in words else QUIET, linewidth=0.9)
        _note(axes, words, (begin, 0.07), low, QUIET)


def _note(axes: Axes, words: str, at: tuple[float, float], within: Transform, colour: str) -> None:
    """Words a little to the right of a point."""
    axes.annotate(
        words,
        at,
        xycoords=within,
        textcoords="offset points",
        xytext=(3, 0),
        va="center",
        color=colour,
        fontsize=FONT_POINTS - 0.5,
    )


def _svg(figure: Figure) -> str:
    """As a part of a page: no size but its shape, and nothing from elsewhere."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)width="[^"]*"', r'\1aria-hidden="true"', text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    for colour, name in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return text
