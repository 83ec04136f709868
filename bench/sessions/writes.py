"""What a write costs by itself: the CPU of one, less that of the same request to an app without sessions."""

from collections.abc import Sequence
from statistics import median

from bench.report import markdown
from bench.sessions.browser import Browser, Stranger, Writer
from bench.sessions.setups import BARE, HAPROXY, WITHOUT, Up
from bench.sessions.turns import Turns, flat_out, in_turn

TITLE = "Writes alone, 64 users as fast as they go"
_HOW = """\
A write by itself is a POST that writes 2 KB of session, less the same POST through the same proxy to the same
app, which then keeps no sessions at all: µs of CPU of proxy, nodes and Redis together, the median of the
rounds. In brackets its ratio to that of HAProxy + Redis in the same round, the median and the range."""


def measured(ups: Sequence[Up], rounds: int, seconds: float) -> Turns:
    """Each in turn with those that it is compared with."""
    strangers = {one.name for one in BARE}

    def user(up: Up) -> type[Browser]:
        return Stranger if up.name in strangers else Writer

    return in_turn(ups, rounds, flat_out(seconds), user)


def table(turns: Turns) -> str:
    """A column for each that writes."""
    names = [name for name, without in WITHOUT.items() if {name, without} <= turns.keys()]
    rows = [
        ["", *names],
        ["CPU µs for a write", *(f"{cpu(turns, name):,.0f}" for name in names)],
        ["the same request without a session", *(f"{cpu(turns, WITHOUT[name]):,.0f}" for name in names)],
        ["the write by itself", *(cell(turns, name) for name in names)],
    ]
    return f"{markdown(rows)}\n\n{_HOW}" if names else ""


def cpu(turns: Turns, name: str) -> float:
    return median(turn.cpu for turn in turns[name])


def each_round(turns: Turns, name: str) -> list[float]:
    """Microseconds that a write costs more, round by round."""
    return [own.cpu - bare.cpu for own, bare in zip(turns[name], turns[WITHOUT[name]], strict=True)]


def cell(turns: Turns, name: str) -> str:
    own = each_round(turns, name)
    if name == HAPROXY.name or not {HAPROXY.name, WITHOUT[HAPROXY.name]} <= turns.keys():
        return f"{median(own):,.0f}"
    ratios = [one / other for one, other in zip(own, each_round(turns, HAPROXY.name), strict=True)]
    return f"{median(own):,.0f} ({median(ratios):.2f}x, {min(ratios):.2f}-{max(ratios):.2f})"
